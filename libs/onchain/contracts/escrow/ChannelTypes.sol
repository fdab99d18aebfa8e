// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

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
        return _channelId(_domainSeparatorV4(), config);
    }

    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) public view returns (bytes32) {
        return _voucherDigest(_domainSeparatorV4(), channelId, maxClaimableAmount);
    }

    function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REFUND_TYPEHASH, channelId, nonce, amount)));
    }

    function getClaimBatchDigest(VoucherClaim[] calldata rows) public view returns (bytes32) {
        bytes32 domain = _domainSeparatorV4();
        bytes32[] memory entries = new bytes32[](rows.length);
        for (uint256 i; i < rows.length; ++i) {
            Voucher calldata voucher = rows[i].voucher;
            bytes32 id = _channelId(domain, voucher.channel);
            entries[i] =
                keccak256(abi.encode(CLAIM_ENTRY_TYPEHASH, id, voucher.maxClaimableAmount, rows[i].totalClaimed));
        }
        bytes32 claims = keccak256(abi.encodePacked(entries));
        return MessageHashUtils.toTypedDataHash(domain, keccak256(abi.encode(CLAIM_BATCH_TYPEHASH, claims)));
    }

    /// @dev A claim hashes each row's channel and voucher. Copied as they lie in the call, beyond the memory in use
    /// and without allocating it, they cost a fifth of what `abi.encode` costs. An address with dirty high bits is
    /// not refused here: it hashes to a channel that nobody could have opened.
    function _channelId(bytes32 domain, ChannelConfig calldata config) internal pure returns (bytes32) {
        bytes32 typeHash = CHANNEL_CONFIG_TYPEHASH;
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), config, 0xe0)
            structHash := keccak256(free, 0x100)
        }
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    function _voucherDigest(bytes32 domain, bytes32 channelId, uint256 maxClaimableAmount)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = VOUCHER_TYPEHASH;
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), channelId)
            mstore(add(free, 0x40), maxClaimableAmount)
            structHash := keccak256(free, 0x60)
        }
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }
}
