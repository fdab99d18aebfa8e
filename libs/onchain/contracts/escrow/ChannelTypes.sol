// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title What is signed about payment channels.
/// @dev Domain and types of the x402 scheme `batch-settlement` on EVM (coinbase/x402,
/// specs/schemes/batch-settlement); a channel's id binds it to this chain and this contract.
abstract contract ChannelTypes is EIP712("x402 Batch Settlement", "1") {
    /// @notice What a channel is, for ever; its typed hash is the channel's id.
    struct ChannelConfig {
        /// Owns what is not claimed.
        address payer;
        /// Key that signs vouchers; zero lets the payer sign, which may then be a contract (ERC-1271).
        address payerAuthorizer;
        /// Gets what is claimed.
        address receiver;
        /// Decides, beside the receiver, what is claimed and refunded.
        address receiverAuthorizer;
        address token;
        /// Seconds from the start of a withdrawal to its end, and from a key's revocation to its effect.
        uint40 withdrawDelay;
        /// Tells apart channels that are otherwise equal.
        bytes32 salt;
    }

    struct Voucher {
        ChannelConfig channel;
        /// Everything that may ever be claimed from the channel under this voucher, in wei.
        uint128 maxClaimableAmount;
    }

    struct VoucherClaim {
        Voucher voucher;
        bytes signature;
        /// Everything claimed from the channel once this row is applied, in wei.
        uint128 totalClaimed;
    }

    bytes32 private constant CHANNEL_CONFIG_TYPEHASH = keccak256(
        "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
    );
    bytes32 private constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
    bytes32 private constant REFUND_TYPEHASH = keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
    bytes32 private constant CLAIM_ENTRY_TYPEHASH =
        keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
    bytes32 private constant CLAIM_BATCH_TYPEHASH = keccak256(
        "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
    );

    function getChannelId(ChannelConfig calldata config) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CHANNEL_CONFIG_TYPEHASH, config)));
    }

    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, maxClaimableAmount)));
    }

    function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REFUND_TYPEHASH, channelId, nonce, amount)));
    }

    function getClaimBatchDigest(VoucherClaim[] calldata rows) public view returns (bytes32) {
        bytes32[] memory entries = new bytes32[](rows.length);
        for (uint256 i; i < rows.length; ++i) {
            Voucher calldata voucher = rows[i].voucher;
            bytes32 id = getChannelId(voucher.channel);
            entries[i] = keccak256(
                abi.encode(CLAIM_ENTRY_TYPEHASH, id, voucher.maxClaimableAmount, rows[i].totalClaimed)
            );
        }
        return _hashTypedDataV4(keccak256(abi.encode(CLAIM_BATCH_TYPEHASH, keccak256(abi.encodePacked(entries)))));
    }
}
