// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {InferenceEscrow} from "../../contracts/InferenceEscrow.sol";
import {ChannelTypes} from "../../contracts/escrow/ChannelTypes.sol";
import {OpenToken} from "../../contracts/OpenToken.sol";
import {Cheats} from "./Test.sol";

/// @title Channels, vouchers and rows for tests of the escrow.
abstract contract EscrowFixture is Cheats {
    uint40 internal constant DELAY = 1 hours;

    OpenToken internal token;
    InferenceEscrow internal escrow;

    function deployEscrow(address holder) internal {
        OpenToken.Grant[] memory grants = new OpenToken.Grant[](1);
        grants[0] = OpenToken.Grant(holder, 1e27);
        token = new OpenToken(grants);
        escrow = new InferenceEscrow(IERC20(address(token)));
    }

    /// @dev The channel of a payer that signs with another key, for `receiver`, who claims itself.
    function channelOf(address payer, address authorizer, address receiver, uint256 salt)
        internal
        view
        returns (ChannelTypes.ChannelConfig memory)
    {
        return ChannelTypes.ChannelConfig({
            payer: payer,
            payerAuthorizer: authorizer,
            receiver: receiver,
            receiverAuthorizer: receiver,
            token: address(token),
            withdrawDelay: DELAY,
            salt: bytes32(salt)
        });
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function row(ChannelTypes.ChannelConfig memory config, uint128 ceiling, uint128 total, uint256 key)
        internal
        view
        returns (ChannelTypes.VoucherClaim memory)
    {
        bytes32 digest = escrow.getVoucherDigest(escrow.getChannelId(config), ceiling);
        return ChannelTypes.VoucherClaim(ChannelTypes.Voucher(config, ceiling), signed(key, digest), total);
    }

    function single(ChannelTypes.VoucherClaim memory one)
        internal
        pure
        returns (ChannelTypes.VoucherClaim[] memory rows)
    {
        rows = new ChannelTypes.VoucherClaim[](1);
        rows[0] = one;
    }

    function claimedOf(ChannelTypes.ChannelConfig memory config) internal view returns (uint256 total) {
        (, total) = escrow.channels(escrow.getChannelId(config));
    }

    function balanceOf(ChannelTypes.ChannelConfig memory config) internal view returns (uint256 balance) {
        (balance,) = escrow.channels(escrow.getChannelId(config));
    }
}
