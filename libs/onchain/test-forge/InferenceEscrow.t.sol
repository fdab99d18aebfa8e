// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InferenceEscrow} from "../contracts/InferenceEscrow.sol";
import {ChannelTypes} from "../contracts/escrow/ChannelTypes.sol";
import {EscrowFixture} from "./support/EscrowFixture.sol";
import {Test} from "./support/Test.sol";
import {Vm} from "./support/Vm.sol";
import {HostileWallet, KeyWallet} from "./support/Wallets.sol";

contract InferenceEscrowTest is Test, EscrowFixture {
    address private payer;
    uint256 private payerKey;
    address private signer;
    uint256 private signerKey;
    address private receiver;
    uint256 private receiverKey;
    ChannelTypes.ChannelConfig private config;

    function setUp() external {
        deployEscrow(address(this));
        (payer, payerKey) = named("payer");
        (signer, signerKey) = named("signer");
        (receiver, receiverKey) = named("receiver");
        config = channelOf(payer, signer, receiver, 1);
        token.approve(address(escrow), type(uint256).max);
        token.transfer(payer, 1_000 ether);
        vm.warp(1_800_000_000);
    }

    // Claims.

    function testFuzz_aClaimBooksWhatWasChargedAndSettleSweepsItOnce(uint128 deposit, uint128 ceiling, uint128 total)
        external
    {
        deposit = uint128(bound(deposit, 1, 1e24));
        ceiling = uint128(bound(ceiling, 1, deposit));
        total = uint128(bound(total, 1, ceiling));
        escrow.deposit(config, deposit);
        claimAs(receiver, single(row(config, ceiling, total, signerKey)));
        assertEq(claimedOf(config), total, "claimed");
        assertEq(token.balanceOf(receiver), 0, "a claim moves nothing");

        vm.recordLogs();
        assertEq(escrow.settle(receiver, address(token)), total, "settled");
        assertEq(emittedAmount("Settled(address,address,address,uint128)", 0), total, "C10: settled as emitted");
        assertEq(token.balanceOf(receiver), total, "received");
        assertEq(escrow.settle(receiver, address(token)), 0, "nothing left to settle");
        (uint128 claimed, uint128 settled) = escrow.receivers(receiver, address(token));
        assertEq(claimed, settled, "all settled");
    }

    /// C3: whatever is signed and asked for, a channel gives at most its newest voucher and its balance.
    function testFuzz_aClaimExceedsNeitherVoucherNorBalance(uint128 deposit, uint128 ceiling, uint128 total) external {
        deposit = uint128(bound(deposit, 1, 1e24));
        ceiling = uint128(bound(ceiling, 0, 2e24));
        total = uint128(bound(total, 0, 2e24));
        escrow.deposit(config, deposit);
        ChannelTypes.VoucherClaim memory one = row(config, ceiling, total, signerKey);
        bool isClaimable = total > 0 && total <= ceiling && total <= deposit;
        assertTrue((escrow.objection(one) == InferenceEscrow.Skip.None) == isClaimable, "foretold");
        claimAs(receiver, single(one));
        assertEq(claimedOf(config), isClaimable ? total : 0, "claimed");
    }

    function testFuzz_anotherKeyAnotherCeilingOrNoiseIsNoSignature(uint256 key, bytes calldata noise) external {
        key = bound(key, 1, 1e70);
        escrow.deposit(config, 10 ether);
        vm.assume(key != signerKey);
        expectSkipped(row(config, 5 ether, 5 ether, key), InferenceEscrow.Skip.InvalidSignature);
        ChannelTypes.VoucherClaim memory one = row(config, 5 ether, 5 ether, signerKey);
        one.voucher.maxClaimableAmount += 1;
        expectSkipped(one, InferenceEscrow.Skip.InvalidSignature);
        one.signature = noise;
        expectSkipped(one, InferenceEscrow.Skip.InvalidSignature);
    }

    function test_refusesTheOtherHalfOfACurvePoint() external {
        escrow.deposit(config, 10 ether);
        ChannelTypes.VoucherClaim memory one = row(config, 5 ether, 5 ether, signerKey);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signerKey, digestOf(one));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        one.signature = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        expectSkipped(one, InferenceEscrow.Skip.InvalidSignature);
    }

    function test_aReplayedVoucherAddsNothing() external {
        escrow.deposit(config, 10 ether);
        ChannelTypes.VoucherClaim memory one = row(config, 5 ether, 4 ether, signerKey);
        claimAs(receiver, single(one));
        expectSkipped(one, InferenceEscrow.Skip.NothingNew);
        ChannelTypes.VoucherClaim[] memory twice = new ChannelTypes.VoucherClaim[](2);
        twice[0] = row(config, 5 ether, 5 ether, signerKey);
        twice[1] = twice[0];
        claimAs(receiver, twice);
        assertEq(claimedOf(config), 5 ether, "claimed once");
        assertEq(escrow.settle(receiver, address(token)), 5 ether, "settled once");
    }

    function test_aVoucherOfAnotherChainOrAnotherEscrowIsWorthless() external {
        escrow.deposit(config, 10 ether);
        ChannelTypes.VoucherClaim memory here = row(config, 5 ether, 5 ether, signerKey);
        vm.chainId(10);
        // There the same configuration is another channel, and nothing was deposited in it.
        expectSkipped(here, InferenceEscrow.Skip.AboveBalance);
        escrow.deposit(config, 10 ether);
        expectSkipped(here, InferenceEscrow.Skip.InvalidSignature);
        claimAs(receiver, single(row(config, 5 ether, 5 ether, signerKey)));
        assertEq(claimedOf(config), 5 ether, "signed for that chain");

        InferenceEscrow first = escrow;
        escrow = new InferenceEscrow(token);
        token.approve(address(escrow), 10 ether);
        escrow.deposit(config, 10 ether);
        expectSkipped(here, InferenceEscrow.Skip.InvalidSignature);
        escrow = first;
    }

    function test_onlyTheReceiverSideClaims() external {
        config.receiverAuthorizer = signer;
        escrow.deposit(config, 10 ether);
        ChannelTypes.VoucherClaim[] memory rows = single(row(config, 5 ether, 1 ether, signerKey));
        claimAs(payer, rows);
        assertEq(claimedOf(config), 0, "not by the payer");
        claimAs(receiver, rows);
        assertEq(claimedOf(config), 1 ether, "by the receiver");
        claimAs(signer, single(row(config, 5 ether, 2 ether, signerKey)));
        assertEq(claimedOf(config), 2 ether, "by the authorizer");
        vm.expectRevert(InferenceEscrow.EmptyBatch.selector);
        escrow.claim(new ChannelTypes.VoucherClaim[](0));
    }

    function test_anyoneBringsAClaimThatTheReceiverAuthorizerSigned() external {
        escrow.deposit(config, 10 ether);
        ChannelTypes.VoucherClaim[] memory rows = single(row(config, 5 ether, 3 ether, signerKey));
        bytes memory approval = signed(receiverKey, escrow.getClaimBatchDigest(rows));
        rows[0].totalClaimed = 5 ether;
        vm.expectRevert(InferenceEscrow.InvalidSignature.selector);
        escrow.claimWithSignature(rows, approval);
        rows[0].totalClaimed = 3 ether;
        escrow.claimWithSignature(rows, approval);
        assertEq(claimedOf(config), 3 ether, "claimed");
    }

    function test_aSignedClaimReachesNoChannelOfAnotherAuthorizer() external {
        ChannelTypes.ChannelConfig memory other = channelOf(payer, signer, receiver, 2);
        other.receiverAuthorizer = payer;
        escrow.deposit(config, 10 ether);
        escrow.deposit(other, 10 ether);
        ChannelTypes.VoucherClaim[] memory rows = new ChannelTypes.VoucherClaim[](2);
        rows[0] = row(config, 5 ether, 3 ether, signerKey);
        rows[1] = row(other, 5 ether, 3 ether, signerKey);
        bytes memory approval = signed(receiverKey, escrow.getClaimBatchDigest(rows));
        escrow.claimWithSignature(rows, approval);
        assertEq(claimedOf(config), 3 ether, "its own channel");
        assertEq(claimedOf(other), 0, "not the other's");
    }

    /// C5: in a claim of 25 rows any subset may be bad, in any way; the good ones are booked to the wei.
    function testFuzz_badRowsNeverBlockGoodOnes(uint32 mask, uint256 seed) external {
        ChannelTypes.VoucherClaim[] memory rows = new ChannelTypes.VoucherClaim[](25);
        uint256 good;
        for (uint256 i; i < rows.length; ++i) {
            ChannelTypes.ChannelConfig memory channel = channelOf(payer, signer, receiver, 100 + i);
            escrow.deposit(channel, 10 ether);
            uint128 total = uint128(1 + (seed >> i) % 5 ether);
            rows[i] = row(channel, 5 ether, total, signerKey);
            if (mask >> i & 1 == 0) good += total;
            else spoil(rows[i], (seed >> (2 * i)) % 6);
        }
        claimAs(receiver, rows);
        for (uint256 i; i < rows.length; ++i) {
            uint256 wanted = mask >> i & 1 == 0 ? rows[i].totalClaimed : 0;
            assertEq(claimedOf(channelOf(payer, signer, receiver, 100 + i)), wanted, "row");
        }
        assertEq(escrow.settle(receiver, address(token)), good, "settled");
    }

    /// x402 issue 2559: one channel whose deposit never confirmed held up the claim of all others.
    function test_onePoisonedRowOfTwentyFiveIsSkippedAndSaid() external {
        ChannelTypes.VoucherClaim[] memory rows = new ChannelTypes.VoucherClaim[](25);
        for (uint256 i; i < rows.length; ++i) {
            ChannelTypes.ChannelConfig memory channel = channelOf(payer, signer, receiver, 100 + i);
            if (i != 7) escrow.deposit(channel, 10 ether);
            rows[i] = row(channel, 5 ether, 1 ether, signerKey);
        }
        vm.recordLogs();
        claimAs(receiver, rows);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 25, "one event a row");
        for (uint256 i; i < logs.length; ++i) {
            bytes32 wanted = i == 7 ? InferenceEscrow.Skipped.selector : InferenceEscrow.Claimed.selector;
            assertEq(logs[i].topics[0], wanted, "event");
        }
        assertEq(abi.decode(logs[7].data, (uint256)), uint256(InferenceEscrow.Skip.AboveBalance), "reason");
        assertEq(escrow.settle(receiver, address(token)), 24 ether, "the others are paid");
    }

    function testFuzz_aHostilePayerFailsItsOwnRowOnly(uint8 malice) external {
        malice = uint8(bound(malice, 0, uint8(type(HostileWallet.Malice).max)));
        address hostile = address(new HostileWallet(HostileWallet.Malice(malice)));
        ChannelTypes.ChannelConfig memory trap = channelOf(hostile, address(0), receiver, 9);
        escrow.deposit(config, 10 ether);
        escrow.deposit(trap, 10 ether);
        ChannelTypes.VoucherClaim[] memory rows = new ChannelTypes.VoucherClaim[](2);
        rows[0] = row(trap, 5 ether, 5 ether, signerKey);
        rows[1] = row(config, 5 ether, 5 ether, signerKey);
        vm.prank(receiver);
        escrow.claim{gas: 600_000}(rows);
        assertEq(claimedOf(trap), 0, "the trap");
        assertEq(claimedOf(config), 5 ether, "the honest one");
    }

    function test_payersSignThemselvesWhereTheyNameNoKey() external {
        ChannelTypes.ChannelConfig memory plain = channelOf(payer, address(0), receiver, 2);
        ChannelTypes.ChannelConfig memory wallet = channelOf(address(new KeyWallet(signer)), address(0), receiver, 3);
        escrow.deposit(plain, 10 ether);
        escrow.deposit(wallet, 10 ether);
        claimAs(receiver, single(row(plain, 2 ether, 2 ether, payerKey)));
        claimAs(receiver, single(row(wallet, 2 ether, 2 ether, signerKey)));
        assertEq(claimedOf(plain), 2 ether, "account");
        assertEq(claimedOf(wallet), 2 ether, "contract");
        expectSkipped(row(plain, 3 ether, 3 ether, signerKey), InferenceEscrow.Skip.InvalidSignature);
        expectSkipped(row(wallet, 3 ether, 3 ether, payerKey), InferenceEscrow.Skip.InvalidSignature);
    }

    // Keys.

    function testFuzz_aRevokedKeySignsUntilTheDelayIsOver(uint256 wait) external {
        wait = bound(wait, 0, 2 * DELAY);
        escrow.deposit(config, 10 ether);
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.NotPayerSide.selector, signer));
        escrow.revokeSigner(config);
        vm.prank(payer);
        escrow.revokeSigner(config);
        vm.warp(block.timestamp + wait);
        ChannelTypes.VoucherClaim memory one = row(config, 5 ether, 5 ether, signerKey);
        if (wait < DELAY) {
            claimAs(receiver, single(one));
            assertEq(claimedOf(config), 5 ether, "accepted before the revocation took effect");
            return;
        }
        expectSkipped(one, InferenceEscrow.Skip.SignerRevoked);
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.NotPayerSide.selector, signer));
        escrow.initiateWithdraw(config, 1 ether);
        claimAs(receiver, single(row(config, 6 ether, 6 ether, payerKey)));
        assertEq(claimedOf(config), 6 ether, "the payer itself signs");
    }

    function test_aKeyIsRevokedOnceAndOnlyIfThereIsOne() external {
        vm.startPrank(payer);
        escrow.revokeSigner(config);
        vm.expectRevert(InferenceEscrow.NothingToRevoke.selector);
        escrow.revokeSigner(config);
        config.payerAuthorizer = payer;
        vm.expectRevert(InferenceEscrow.NothingToRevoke.selector);
        escrow.revokeSigner(config);
        vm.stopPrank();
    }

    // Refunds and withdrawals.

    function testFuzz_aRefundReturnsOnlyWhatIsNotClaimed(uint128 total, uint128 asked) external {
        total = uint128(bound(total, 1, 10 ether));
        asked = uint128(bound(asked, 1, 20 ether));
        escrow.deposit(config, 10 ether);
        claimAs(receiver, single(row(config, total, total, signerKey)));
        uint256 before = token.balanceOf(payer);
        vm.recordLogs();
        vm.prank(receiver);
        escrow.refund(config, asked);
        uint256 wanted = asked < 10 ether - total ? asked : 10 ether - total;
        assertEq(token.balanceOf(payer) - before, wanted, "refunded");
        if (wanted > 0) assertEq(emittedAmount("Refunded(bytes32,address,uint128)", 0), wanted, "C10: as emitted");
        assertEq(balanceOf(config), 10 ether - wanted, "left");
        assertEq(escrow.settle(receiver, address(token)), total, "what was claimed is still there");
    }

    function test_aSignedRefundCountsOnce() external {
        escrow.deposit(config, 10 ether);
        bytes32 id = escrow.getChannelId(config);
        bytes memory first = signed(receiverKey, escrow.getRefundDigest(id, 0, 3 ether));
        vm.expectRevert(InferenceEscrow.InvalidSignature.selector);
        escrow.refundWithSignature(config, 4 ether, 0, first);
        escrow.refundWithSignature(config, 3 ether, 0, first);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.InvalidRefundNonce.selector, 0, 1));
        escrow.refundWithSignature(config, 3 ether, 0, first);
        bytes memory second = signed(receiverKey, escrow.getRefundDigest(id, 1, 3 ether));
        vm.prank(receiver);
        escrow.refund(config, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.InvalidRefundNonce.selector, 1, 2));
        escrow.refundWithSignature(config, 3 ether, 1, second);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.NotReceiverSide.selector, payer));
        escrow.refund(config, 1 ether);
        assertEq(balanceOf(config), 6 ether, "left");
    }

    /// C4: what is claimed while a withdrawal waits is not withdrawn.
    function testFuzz_aWithdrawalWaitsAndYieldsToClaims(uint128 asked, uint128 total, uint256 wait) external {
        asked = uint128(bound(asked, 1, 10 ether));
        total = uint128(bound(total, 1, 10 ether));
        wait = bound(wait, 0, DELAY - 1);
        escrow.deposit(config, 10 ether);
        vm.prank(payer);
        escrow.initiateWithdraw(config, asked);
        uint256 readyAt = block.timestamp + DELAY;
        vm.warp(block.timestamp + wait);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.WithdrawTooEarly.selector, readyAt));
        escrow.finalizeWithdraw(config);
        claimAs(receiver, single(row(config, total, total, signerKey)));
        vm.warp(readyAt);
        uint256 before = token.balanceOf(payer);
        vm.recordLogs();
        vm.prank(signer);
        escrow.finalizeWithdraw(config);
        uint256 wanted = asked < 10 ether - total ? asked : 10 ether - total;
        assertEq(emittedAmount("WithdrawFinalized(bytes32,address,uint128)", 0), wanted, "C10: as emitted");
        assertEq(token.balanceOf(payer) - before, wanted, "withdrawn");
        assertEq(escrow.settle(receiver, address(token)), total, "what was claimed is still there");
        vm.prank(payer);
        vm.expectRevert(InferenceEscrow.WithdrawNotPending.selector);
        escrow.finalizeWithdraw(config);
    }

    function test_withdrawalsAreThePayersAndOneAtATime() external {
        escrow.deposit(config, 10 ether);
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.NotPayerSide.selector, receiver));
        escrow.initiateWithdraw(config, 1 ether);
        vm.startPrank(payer);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.ExceedsUnclaimed.selector, 11 ether, 10 ether));
        escrow.initiateWithdraw(config, 11 ether);
        vm.expectRevert(InferenceEscrow.ZeroAmount.selector);
        escrow.initiateWithdraw(config, 0);
        escrow.initiateWithdraw(config, 4 ether);
        vm.expectRevert(
            abi.encodeWithSelector(InferenceEscrow.WithdrawAlreadyPending.selector, block.timestamp + DELAY)
        );
        escrow.initiateWithdraw(config, 5 ether);
        vm.stopPrank();
    }

    function test_aRefundCountsAgainstAPendingWithdrawal() external {
        escrow.deposit(config, 10 ether);
        bytes32 id = escrow.getChannelId(config);
        vm.prank(payer);
        escrow.initiateWithdraw(config, 4 ether);
        vm.prank(receiver);
        escrow.refund(config, 1 ether);
        (uint128 pending,) = escrow.pendingWithdrawals(id);
        assertEq(pending, 3 ether, "reduced");
        vm.prank(receiver);
        escrow.refund(config, 3 ether);
        (, uint40 initiatedAt) = escrow.pendingWithdrawals(id);
        assertEq(initiatedAt, 0, "nothing left to withdraw");
    }

    // Deposits.

    function test_refusesDepositsThatCouldNotComeBack() external {
        expectNoDeposit(channelOf(address(0), signer, receiver, 1), InferenceEscrow.InvalidChannel.selector);
        expectNoDeposit(channelOf(payer, signer, address(0), 1), InferenceEscrow.InvalidChannel.selector);
        expectNoDeposit(channelOf(payer, signer, address(escrow), 1), InferenceEscrow.InvalidChannel.selector);
        expectNoDeposit(channelOf(address(escrow), signer, receiver, 1), InferenceEscrow.InvalidChannel.selector);
        ChannelTypes.ChannelConfig memory wrong = channelOf(payer, signer, receiver, 1);
        wrong.receiverAuthorizer = address(0);
        expectNoDeposit(wrong, InferenceEscrow.InvalidChannel.selector);
        wrong = channelOf(payer, signer, receiver, 1);
        wrong.token = payer;
        expectNoDeposit(wrong, InferenceEscrow.UnknownToken.selector);
        wrong = channelOf(payer, signer, receiver, 1);
        wrong.withdrawDelay = 15 minutes - 1;
        expectNoDeposit(wrong, InferenceEscrow.WithdrawDelayOutOfRange.selector);
        wrong.withdrawDelay = 30 days + 1;
        expectNoDeposit(wrong, InferenceEscrow.WithdrawDelayOutOfRange.selector);
        vm.expectRevert(InferenceEscrow.ZeroAmount.selector);
        escrow.deposit(config, 0);
        vm.expectRevert(abi.encodeWithSelector(InferenceEscrow.UnknownToken.selector, payer));
        escrow.settle(receiver, payer);
    }

    function test_depositsByPermitInOneTransaction() external {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                payer,
                address(escrow),
                3 ether,
                0,
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, digest);
        // A stranger's use of the permit beforehand does no harm, and gives the stranger nothing.
        token.permit(payer, address(escrow), 3 ether, block.timestamp, v, r, s);
        vm.prank(payer);
        escrow.depositWithPermit(config, 3 ether, block.timestamp, v, r, s);
        assertEq(balanceOf(config), 3 ether, "deposited");
        assertEq(token.allowance(payer, address(escrow)), 0, "allowance used");
    }

    function test_anAuthorizationPaysIntoItsChannelOnly() external {
        bytes32 salt = bytes32(uint256(77));
        bytes memory authorization = authorizationOf(config, 3 ether, salt);
        ChannelTypes.ChannelConfig memory thief = channelOf(payer, receiver, receiver, 1);
        vm.expectRevert();
        escrow.depositWithAuthorization(thief, 3 ether, 0, block.timestamp + 1, salt, authorization);
        escrow.depositWithAuthorization(config, 3 ether, 0, block.timestamp + 1, salt, authorization);
        assertEq(balanceOf(config), 3 ether, "deposited");
        assertEq(token.balanceOf(payer), 997 ether, "from the payer");
        vm.expectRevert();
        escrow.depositWithAuthorization(config, 3 ether, 0, block.timestamp + 1, salt, authorization);
    }

    function claimAs(address caller, ChannelTypes.VoucherClaim[] memory rows) private {
        vm.prank(caller);
        escrow.claim(rows);
    }

    function expectSkipped(ChannelTypes.VoucherClaim memory one, InferenceEscrow.Skip reason) private {
        (, uint256 before) = escrow.channels(escrow.getChannelId(one.voucher.channel));
        assertEq(uint256(escrow.objection(one)), uint256(reason), "foretold");
        vm.recordLogs();
        claimAs(receiver, single(one));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], InferenceEscrow.Skipped.selector, "skipped");
        assertEq(abi.decode(logs[0].data, (uint256)), uint256(reason), "reason");
        assertEq(claimedOf(one.voucher.channel), before, "nothing claimed");
    }

    function expectNoDeposit(ChannelTypes.ChannelConfig memory channel, bytes4 selector) private {
        (bool isTaken, bytes memory answer) = address(escrow).call(abi.encodeCall(escrow.deposit, (channel, 1 ether)));
        assertTrue(!isTaken, "refused");
        assertEq(bytes32(bytes4(answer)), bytes32(selector), "reason");
    }

    /// @dev The `index`-th word of the data of the one event `signature` since `recordLogs`.
    function emittedAmount(string memory signature, uint256 index) private returns (uint256 amount) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 found;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != keccak256(bytes(signature))) continue;
            bytes memory data = logs[i].data;
            assembly ("memory-safe") {
                amount := mload(add(add(data, 0x20), mul(index, 0x20)))
            }
            ++found;
        }
        assertEq(found, 1, signature);
    }

    function digestOf(ChannelTypes.VoucherClaim memory one) private view returns (bytes32) {
        return escrow.getVoucherDigest(
            escrow.getChannelId(one.voucher.channel), one.voucher.maxClaimableAmount
        );
    }

    function spoil(ChannelTypes.VoucherClaim memory one, uint256 how) private {
        if (how == 0) one.signature = hex"00";
        else if (how == 1) one.voucher.maxClaimableAmount = one.totalClaimed - 1;
        else if (how == 2) one.totalClaimed = 0;
        else if (how == 3) (one.totalClaimed, one.voucher.maxClaimableAmount) = (11 ether, 11 ether);
        else if (how == 4) (one.voucher.channel.receiver, one.voucher.channel.receiverAuthorizer) = (payer, payer);
        else one.signature[10] = ~one.signature[10];
    }

    function authorizationOf(ChannelTypes.ChannelConfig memory channel, uint256 amount, bytes32 salt)
        private
        view
        returns (bytes memory)
    {
        bytes32 nonce = escrow.authorizationNonce(escrow.getChannelId(channel), salt);
        bytes32 hash = keccak256(
            abi.encode(
                keccak256(
                    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
                ),
                payer,
                address(escrow),
                amount,
                0,
                block.timestamp + 1,
                nonce
            )
        );
        return signed(payerKey, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash)));
    }
}
