// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InferenceEscrow} from "../contracts/InferenceEscrow.sol";
import {ChannelTypes} from "../contracts/escrow/ChannelTypes.sol";
import {OpenToken} from "../contracts/OpenToken.sol";
import {EscrowFixture} from "./support/EscrowFixture.sol";
import {Test} from "./support/Test.sol";

/// @title Payers, receivers and strangers doing everything the escrow lets them, and some of what it does not.
/// @dev Keeps, beside the escrow, what each channel was given, gave back and allowed.
contract EscrowHandler is EscrowFixture {
    uint256 public constant CHANNELS = 6;
    uint256 private constant ROWS_MAX = 5;

    struct Ghost {
        uint256 deposited;
        uint256 returned;
        /// The highest amount that the payer ever signed.
        uint256 signedMax;
        uint256 claimed;
    }

    address[3] private payers;
    address[3] private signers;
    uint256[3] private keys;
    address[2] public receivers;
    ChannelTypes.ChannelConfig[] private configs;
    bytes32[] public ids;
    mapping(uint256 channel => Ghost) public ghosts;
    /// @dev What left the escrow, by the balances of those who got it.
    uint256 public paidToReceivers;
    uint256 public paidToPayers;
    uint256 public deposits;
    /// @dev Set by the first step that broke a promise about itself.
    string public broken;

    constructor(OpenToken token_, InferenceEscrow escrow_) {
        (token, escrow) = (token_, escrow_);
        token.approve(address(escrow), type(uint256).max);
        for (uint256 i; i < 3; ++i) {
            (payers[i],) = named(string.concat("payer", vm.toString(i)));
            (signers[i], keys[i]) = named(string.concat("signer", vm.toString(i)));
        }
        (receivers[0],) = named("receiver0");
        (receivers[1],) = named("receiver1");
        for (uint256 i; i < CHANNELS; ++i) {
            configs.push(channelOf(payers[i % 3], signers[i % 3], receivers[i % 2], i));
            ids.push(escrow.getChannelId(configs[i]));
        }
    }

    function deposit(uint256 channel, uint128 amount) external {
        channel %= CHANNELS;
        amount = uint128(bound(amount, 1, 1_000 ether));
        escrow.deposit(configs[channel], amount);
        ghosts[channel].deposited += amount;
        deposits += amount;
    }

    /// @param seed Decides of each row the channel, the amounts around what is possible, and whether it is forged.
    function claim(uint256 seed, uint256 count, bool asFirst) external {
        count = bound(count, 1, ROWS_MAX);
        address caller = receivers[asFirst ? 0 : 1];
        ChannelTypes.VoucherClaim[] memory rows = new ChannelTypes.VoucherClaim[](count);
        uint256[] memory wanted = expectation();
        for (uint256 i; i < count; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            uint256 channel = dice % CHANNELS;
            uint256 held = ghosts[channel].deposited - ghosts[channel].returned;
            uint256 total = wanted[channel] + ((dice >> 8) % 1_000) * (held + 1 - wanted[channel]) / 900;
            uint256 ceiling = total * ((dice >> 32) % 1_000) / 300;
            bool isForged = (dice >> 64) % 8 == 0;
            uint256 key = keys[isForged ? (channel + 1) % 3 : channel % 3];
            rows[i] = row(configs[channel], uint128(ceiling), uint128(total), key);
            if (!isForged && ceiling > ghosts[channel].signedMax) ghosts[channel].signedMax = ceiling;
            bool isGood = !isForged && configs[channel].receiver == caller && total > wanted[channel]
                && total <= ceiling && total <= held && !isRevoked(channel);
            if (isGood) wanted[channel] = total;
        }
        vm.prank(caller);
        escrow.claim(rows);
        for (uint256 i; i < CHANNELS; ++i) {
            (, uint256 claimed) = escrow.channels(ids[i]);
            if (claimed < ghosts[i].claimed) broken = "C3: claimed fell";
            if (claimed != wanted[i]) broken = "C5: a good row was skipped or a bad one booked";
            ghosts[i].claimed = claimed;
        }
    }

    function settle(uint256 receiver) external {
        address to = receivers[receiver % 2];
        uint256 before = token.balanceOf(to);
        uint256 amount = escrow.settle(to, address(token));
        if (token.balanceOf(to) - before != amount) broken = "C10: settled is not what moved";
        paidToReceivers += amount;
    }

    function refund(uint256 channel, uint128 amount) external {
        channel %= CHANNELS;
        amount = uint128(bound(amount, 1, 2_000 ether));
        uint256 before = token.balanceOf(configs[channel].payer);
        vm.prank(configs[channel].receiver);
        escrow.refund(configs[channel], amount);
        returned(channel, before);
    }

    function initiateWithdraw(uint256 channel, uint128 amount) external {
        channel %= CHANNELS;
        (uint128 balance, uint128 claimed) = escrow.channels(ids[channel]);
        uint256 unclaimed = balance - claimed;
        (, uint40 initiatedAt) = escrow.pendingWithdrawals(ids[channel]);
        if (unclaimed == 0 || initiatedAt != 0) return;
        vm.prank(configs[channel].payer);
        escrow.initiateWithdraw(configs[channel], uint128(bound(amount, 1, unclaimed)));
    }

    function finalizeWithdraw(uint256 channel) external {
        channel %= CHANNELS;
        uint256 before = token.balanceOf(configs[channel].payer);
        (, uint40 initiatedAt) = escrow.pendingWithdrawals(ids[channel]);
        vm.prank(configs[channel].payer);
        try escrow.finalizeWithdraw(configs[channel]) {
            if (block.timestamp < uint256(initiatedAt) + DELAY) broken = "C4: withdrawn before the delay";
        } catch {}
        returned(channel, before);
    }

    /// @dev Rare, for a revoked channel takes no more claims of its key.
    function revoke(uint256 channel, uint8 luck) external {
        channel %= CHANNELS;
        if (luck > 8 || escrow.signerRevokedFrom(ids[channel]) != 0) return;
        vm.prank(configs[channel].payer);
        escrow.revokeSigner(configs[channel]);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, DELAY));
    }

    /// @dev Money that comes without being asked for, and belongs to no channel.
    function donate(uint256 amount) external {
        token.transfer(address(escrow), bound(amount, 0, 1 ether));
    }

    function isRevoked(uint256 channel) private view returns (bool) {
        uint256 from = escrow.signerRevokedFrom(ids[channel]);
        return from != 0 && block.timestamp >= from;
    }

    function expectation() private view returns (uint256[] memory totals) {
        totals = new uint256[](CHANNELS);
        for (uint256 i; i < CHANNELS; ++i) totals[i] = ghosts[i].claimed;
    }

    function returned(uint256 channel, uint256 before) private {
        uint256 amount = token.balanceOf(configs[channel].payer) - before;
        ghosts[channel].returned += amount;
        paidToPayers += amount;
        (, uint256 claimed) = escrow.channels(ids[channel]);
        if (claimed != ghosts[channel].claimed) broken = "C4: a way back changed what is claimed";
    }
}

/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: ci.invariant.fail-on-revert = true
contract EscrowInvariants is Test, EscrowFixture {
    EscrowHandler private handler;
    bytes32[] private ids;

    function setUp() external {
        vm.warp(1_800_000_000);
        deployEscrow(address(this));
        handler = new EscrowHandler(token, escrow);
        for (uint256 i; i < handler.CHANNELS(); ++i) ids.push(handler.ids(i));
        token.transfer(address(handler), 1e26);
        target(address(handler));
    }

    /// One walk checks all of them, for the walk costs more than the checks.
    function invariant_C3_C4_C5_C10_theEscrowOwesWhatItHolds() external view {
        assertEq(bytes(handler.broken()).length, 0, handler.broken());
        uint256 unclaimed;
        uint256 claimed;
        for (uint256 i; i < ids.length; ++i) {
            (uint256 deposited, uint256 returned, uint256 signedMax, uint256 last) = handler.ghosts(i);
            (uint256 balance, uint256 total) = escrow.channels(ids[i]);
            assertEq(total, last, "C3: only a claim changes what is claimed");
            assertLe(total, signedMax, "C3: claimed <= signed");
            assertEq(balance, deposited - returned, "C4: balance == deposited - returned");
            assertLe(total, balance, "C4: claimed <= deposited - returned");
            unclaimed += balance - total;
            claimed += total;
        }
        assertEq(handler.paidToReceivers() + unsettled(), claimed, "C10: received + unsettled == claimed");
        assertLe(unclaimed + unsettled(), token.balanceOf(address(escrow)), "solvent");
        assertEq(
            unclaimed + claimed,
            handler.deposits() - handler.paidToPayers(),
            "C10: deposits == given back + claimed + left"
        );
    }

    function unsettled() private view returns (uint256 sum) {
        for (uint256 i; i < 2; ++i) {
            (uint128 total, uint128 settled) = escrow.receivers(handler.receivers(i), address(token));
            sum += total - settled;
        }
    }
}
