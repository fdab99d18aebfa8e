// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ChannelTypes} from "./escrow/ChannelTypes.sol";

/// @dev The function of ERC-3009 that only its recipient can use, so that nobody can spend it elsewhere.
interface IReceiveWithAuthorization {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) external;
}

/// @title Payment channels for metered inference, in one token, without an administrator.
/// @notice A payer deposits once and signs cumulative vouchers; the receiver claims what it really charged, at most
/// the newest voucher, for many channels in one call, and sweeps it in one transfer. What is not claimed returns by
/// a refund of the receiver at once, or after a delay without its consent.
/// @dev Structs, typed data, events and functions are those of the x402 scheme `batch-settlement` on EVM
/// (coinbase/x402, specs/schemes/batch-settlement), deposits excepted; its clients only need this address. Unlike
/// there, a row that cannot be claimed is skipped, and a payer can revoke the key that signs its vouchers. The token
/// must move exactly the amount it is told, and its supply must fit 112 bits.
contract InferenceEscrow is ChannelTypes {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice Why a row of a claim is left out.
    enum Skip {
        None,
        NotReceiverSide,
        NothingNew,
        AboveCeiling,
        AboveBalance,
        SignerRevoked,
        InvalidSignature
    }

    struct Channel {
        /// Deposits less refunds and withdrawals, in wei; claims stay in it.
        uint112 balance;
        uint112 claimed;
        /// From this second on the payer authorizer signs in vain; 0: not revoked.
        uint32 revokedFrom;
    }

    struct Exit {
        uint112 amount;
        /// In seconds; 0: no withdrawal is pending.
        uint40 initiatedAt;
        uint104 refundNonce;
    }

    struct Receiver {
        uint128 claimed;
        uint128 settled;
    }

    uint40 public constant MIN_WITHDRAW_DELAY = 15 minutes;
    uint40 public constant MAX_WITHDRAW_DELAY = 30 days;
    /// @notice What a payer that is a contract may spend on checking a signature, so that it cannot starve the others.
    uint256 public constant SIGNATURE_GAS = 200_000;

    /// @notice The one token of all channels.
    IERC20 public immutable token;

    mapping(bytes32 channelId => Channel) private _channels;
    mapping(bytes32 channelId => Exit) private _exits;
    mapping(address receiver => Receiver) private _receivers;

    event ChannelCreated(bytes32 indexed channelId, ChannelConfig config);
    /// @notice Nothing was ever claimed and nothing is left.
    event ChannelClosed(bytes32 indexed channelId, ChannelConfig config);
    event Deposited(bytes32 indexed channelId, address indexed sender, uint128 amount, uint128 newBalance);
    event Claimed(bytes32 indexed channelId, address indexed sender, uint128 claimAmount, uint128 newTotalClaimed);
    event Skipped(bytes32 indexed channelId, Skip reason);
    event Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount);
    event Refunded(bytes32 indexed channelId, address indexed sender, uint128 amount);
    event WithdrawInitiated(bytes32 indexed channelId, uint128 amount, uint40 finalizeAfter);
    event WithdrawFinalized(bytes32 indexed channelId, address indexed sender, uint128 amount);
    event SignerRevoked(bytes32 indexed channelId, address indexed signer, uint40 effectiveFrom);

    error ZeroAmount();
    error EmptyBatch();
    error InvalidChannel();
    error UnknownToken(address given);
    error WithdrawDelayOutOfRange(uint40 given);
    error NotPayerSide(address caller);
    error NotReceiverSide(address caller);
    error InvalidSignature();
    error InvalidRefundNonce(uint256 given, uint256 expected);
    error ExceedsUnclaimed(uint256 wanted, uint256 unclaimed);
    error WithdrawAlreadyPending(uint256 finalizeAfter);
    error WithdrawNotPending();
    error WithdrawTooEarly(uint256 finalizeAfter);
    error NothingToRevoke();

    constructor(IERC20 token_) {
        token = token_;
    }

    /// @notice Adds to a channel, anyone's, from the caller's allowance; the first deposit opens it.
    function deposit(ChannelConfig calldata config, uint128 amount) external {
        _deposit(config, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice The same with an ERC-2612 permit of the caller, in one transaction.
    /// @dev Only the caller's own permit: it does not name a channel, so a stranger could use it to fund its own.
    function depositWithPermit(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // Whoever saw the permit may have used it first; then the allowance is there and the transfer decides.
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(config, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Adds to a channel from its payer by an ERC-3009 authorization, whoever sends it and pays the gas.
    /// @param salt Makes the nonce unique; the nonce {authorizationNonce} binds the signature to this channel.
    function depositWithAuthorization(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 salt,
        bytes calldata signature
    ) external {
        bytes32 nonce = authorizationNonce(_deposit(config, amount), salt);
        IReceiveWithAuthorization(address(token)).receiveWithAuthorization(
            config.payer, address(this), amount, validAfter, validBefore, nonce, signature
        );
    }

    /// @notice Books what was charged, for many channels of the caller; moves no token.
    /// @dev The caller is the receiver or receiver authorizer of the channels. A row that cannot be claimed is skipped.
    function claim(VoucherClaim[] calldata rows) external {
        _claim(rows, msg.sender, true);
    }

    /// @notice The same for anyone who brings the receiver authorizer's signature over all rows.
    function claimWithSignature(VoucherClaim[] calldata rows, bytes calldata signature) external {
        if (rows.length == 0) revert EmptyBatch();
        address authorizer = rows[0].voucher.channel.receiverAuthorizer;
        if (!SignatureChecker.isValidSignatureNow(authorizer, getClaimBatchDigest(rows), signature)) {
            revert InvalidSignature();
        }
        _claim(rows, authorizer, false);
    }

    /// @notice Sends a receiver everything claimed for it and not sent yet; 0 if there is nothing.
    function settle(address receiver, address token_) external returns (uint128 amount) {
        if (token_ != address(token)) revert UnknownToken(token_);
        Receiver storage state = _receivers[receiver];
        amount = state.claimed - state.settled;
        if (amount == 0) return 0;
        state.settled = state.claimed;
        token.safeTransfer(receiver, amount);
        emit Settled(receiver, token_, msg.sender, amount);
    }

    /// @notice Returns to the payer up to `amount` of what is not claimed, as the receiver's side decides.
    function refund(ChannelConfig calldata config, uint128 amount) external {
        if (msg.sender != config.receiver && msg.sender != config.receiverAuthorizer) {
            revert NotReceiverSide(msg.sender);
        }
        _refund(config, getChannelId(config), amount);
    }

    /// @notice The same for anyone who brings the receiver authorizer's signature.
    function refundWithSignature(ChannelConfig calldata config, uint128 amount, uint256 nonce, bytes calldata signature)
        external
    {
        bytes32 id = getChannelId(config);
        uint256 expected = _exits[id].refundNonce;
        if (nonce != expected) revert InvalidRefundNonce(nonce, expected);
        bytes32 digest = getRefundDigest(id, nonce, amount);
        if (!SignatureChecker.isValidSignatureNow(config.receiverAuthorizer, digest, signature)) {
            revert InvalidSignature();
        }
        _refund(config, id, amount);
    }

    /// @notice Starts a withdrawal that needs nobody's consent; claims stay possible until it is finalized.
    function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external {
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        _requirePayerSide(config, channel);
        Exit storage exit = _exits[id];
        if (exit.initiatedAt != 0) revert WithdrawAlreadyPending(exit.initiatedAt + config.withdrawDelay);
        if (amount == 0) revert ZeroAmount();
        uint256 unclaimed = channel.balance - channel.claimed;
        if (amount > unclaimed) revert ExceedsUnclaimed(amount, unclaimed);
        exit.amount = uint112(amount);
        exit.initiatedAt = uint40(block.timestamp);
        emit WithdrawInitiated(id, amount, uint40(block.timestamp) + config.withdrawDelay);
    }

    /// @notice Ends a withdrawal after its delay: pays the payer what was asked for, less what was claimed meanwhile.
    function finalizeWithdraw(ChannelConfig calldata config) external {
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        _requirePayerSide(config, channel);
        Exit storage exit = _exits[id];
        if (exit.initiatedAt == 0) revert WithdrawNotPending();
        uint256 finalizeAfter = uint256(exit.initiatedAt) + config.withdrawDelay;
        if (block.timestamp < finalizeAfter) revert WithdrawTooEarly(finalizeAfter);
        uint256 amount = Math.min(exit.amount, channel.balance - channel.claimed);
        exit.amount = 0;
        exit.initiatedAt = 0;
        _payBack(config, id, channel, amount);
        emit WithdrawFinalized(id, msg.sender, uint128(amount));
    }

    /// @notice Withdraws the payer authorizer's power to sign for the channel, after the channel's delay, so that
    /// vouchers already accepted can still be claimed. From then on the payer signs itself.
    function revokeSigner(ChannelConfig calldata config) external {
        if (msg.sender != config.payer) revert NotPayerSide(msg.sender);
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        bool isOther = config.payerAuthorizer != address(0) && config.payerAuthorizer != config.payer;
        if (!isOther || channel.revokedFrom != 0) revert NothingToRevoke();
        if (config.withdrawDelay > MAX_WITHDRAW_DELAY) revert WithdrawDelayOutOfRange(config.withdrawDelay);
        channel.revokedFrom = (block.timestamp + config.withdrawDelay).toUint32();
        emit SignerRevoked(id, config.payerAuthorizer, channel.revokedFrom);
    }

    /// @notice Why a claim of `row` by its receiver's side would be skipped now; `None` if it would not.
    function objection(VoucherClaim calldata row) external view returns (Skip) {
        bytes32 id = getChannelId(row.voucher.channel);
        return _objection(_domainSeparatorV4(), id, _channels[id], row);
    }

    /// @notice Balance and total claimed of a channel, in wei.
    function channels(bytes32 channelId) external view returns (uint128 balance, uint128 totalClaimed) {
        return (_channels[channelId].balance, _channels[channelId].claimed);
    }

    /// @notice The pending withdrawal of a channel; zeros if there is none.
    function pendingWithdrawals(bytes32 channelId) external view returns (uint128 amount, uint40 initiatedAt) {
        return (_exits[channelId].amount, _exits[channelId].initiatedAt);
    }

    /// @notice The nonce that the next signed refund of a channel must bear.
    function refundNonce(bytes32 channelId) external view returns (uint256) {
        return _exits[channelId].refundNonce;
    }

    /// @notice The second from which a channel's payer authorizer signs in vain; 0: it was not revoked.
    function signerRevokedFrom(bytes32 channelId) external view returns (uint256) {
        return _channels[channelId].revokedFrom;
    }

    /// @notice Everything ever claimed for a receiver and sent to it, in wei.
    function receivers(address receiver, address token_)
        external
        view
        returns (uint128 totalClaimed, uint128 totalSettled)
    {
        if (token_ != address(token)) return (0, 0);
        return (_receivers[receiver].claimed, _receivers[receiver].settled);
    }

    /// @notice The ERC-3009 nonce of a deposit: a new key of 192 bits and, in the low 64 bits, its first use, as
    /// tokens with keyed nonces (ERC-4337 style) ask for; to others it is 32 bytes like any.
    function authorizationNonce(bytes32 channelId, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(channelId, salt)) & ~bytes32(uint256(type(uint64).max));
    }

    function _deposit(ChannelConfig calldata config, uint128 amount) private returns (bytes32 id) {
        if (amount == 0) revert ZeroAmount();
        if (config.token != address(token)) revert UnknownToken(config.token);
        if (config.withdrawDelay < MIN_WITHDRAW_DELAY || config.withdrawDelay > MAX_WITHDRAW_DELAY) {
            revert WithdrawDelayOutOfRange(config.withdrawDelay);
        }
        if (config.payer == address(0) || config.receiver == address(0) || config.receiverAuthorizer == address(0)) {
            revert InvalidChannel();
        }
        // Paid to the escrow itself, money would belong to nobody.
        if (config.payer == address(this) || config.receiver == address(this)) revert InvalidChannel();
        id = getChannelId(config);
        Channel storage channel = _channels[id];
        if (channel.balance == 0) emit ChannelCreated(id, config);
        channel.balance = (uint256(channel.balance) + amount).toUint112();
        emit Deposited(id, msg.sender, amount, channel.balance);
    }

    function _claim(VoucherClaim[] calldata rows, address claimant, bool asReceiver) private {
        if (rows.length == 0) revert EmptyBatch();
        bytes32 domain = _domainSeparatorV4();
        address receiver;
        uint256 sum;
        for (uint256 i; i < rows.length;) {
            VoucherClaim calldata row = rows[i];
            address to = row.voucher.channel.receiver;
            // Neighbours of one receiver share one write of its total.
            if (to != receiver) {
                _credit(receiver, sum);
                (receiver, sum) = (to, 0);
            }
            bool isAllowed = claimant == row.voucher.channel.receiverAuthorizer || (asReceiver && claimant == to);
            uint256 delta = _claimRow(domain, row, isAllowed);
            // All deltas are of tokens that the escrow holds.
            unchecked {
                sum += delta;
                ++i;
            }
        }
        _credit(receiver, sum);
    }

    function _credit(address receiver, uint256 sum) private {
        if (sum != 0) _receivers[receiver].claimed += uint128(sum);
    }

    /// @return delta What the row adds, 0 if it is skipped. Never reverts.
    function _claimRow(bytes32 domain, VoucherClaim calldata row, bool isAllowed) private returns (uint256 delta) {
        bytes32 id = _channelId(domain, row.voucher.channel);
        Channel memory channel = _channels[id];
        Skip reason = isAllowed ? _objection(domain, id, channel, row) : Skip.NotReceiverSide;
        if (reason != Skip.None) {
            emit Skipped(id, reason);
            return 0;
        }
        uint128 total = row.totalClaimed;
        unchecked {
            delta = total - channel.claimed;
        }
        _channels[id].claimed = uint112(total);
        emit Claimed(id, msg.sender, uint128(delta), total);
    }

    function _objection(bytes32 domain, bytes32 id, Channel memory channel, VoucherClaim calldata row)
        private
        view
        returns (Skip)
    {
        uint256 total = row.totalClaimed;
        uint256 ceiling = row.voucher.maxClaimableAmount;
        if (total <= channel.claimed) return Skip.NothingNew;
        if (total > ceiling) return Skip.AboveCeiling;
        if (total > channel.balance) return Skip.AboveBalance;
        bool isRevoked = _isRevoked(channel.revokedFrom);
        if (_isSigned(_voucherDigest(domain, id, ceiling), row, isRevoked)) return Skip.None;
        return isRevoked ? Skip.SignerRevoked : Skip.InvalidSignature;
    }

    function _isRevoked(uint256 revokedFrom) private view returns (bool) {
        return revokedFrom != 0 && block.timestamp >= revokedFrom;
    }

    function _isSigned(bytes32 digest, VoucherClaim calldata row, bool isRevoked) private view returns (bool) {
        address signer = row.voucher.channel.payerAuthorizer;
        if (signer == address(0) || isRevoked) {
            signer = row.voucher.channel.payer;
            if (signer.code.length != 0) return _isApproved(signer, digest, row.signature);
        }
        (address found, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, row.signature);
        return problem == ECDSA.RecoverError.NoError && found == signer;
    }

    /// @dev ERC-1271 with a limit of gas and of the answer's size: a hostile payer fails its own row only.
    function _isApproved(address payer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 answer;
        bool isAnswered;
        uint256 gasLimit = SIGNATURE_GAS;
        assembly ("memory-safe") {
            isAnswered := staticcall(gasLimit, payer, add(question, 0x20), mload(question), 0x00, 0x20)
            isAnswered := and(isAnswered, gt(returndatasize(), 0x1f))
            answer := mload(0x00)
        }
        return isAnswered && answer == bytes32(IERC1271.isValidSignature.selector);
    }

    function _requirePayerSide(ChannelConfig calldata config, Channel storage channel) private view {
        if (msg.sender == config.payer) return;
        if (msg.sender != config.payerAuthorizer || _isRevoked(channel.revokedFrom)) revert NotPayerSide(msg.sender);
    }

    function _refund(ChannelConfig calldata config, bytes32 id, uint128 amount) private {
        if (amount == 0) revert ZeroAmount();
        Channel storage channel = _channels[id];
        Exit storage exit = _exits[id];
        exit.refundNonce += 1;
        uint256 paid = Math.min(amount, channel.balance - channel.claimed);
        if (paid == 0) return;
        if (exit.initiatedAt != 0) {
            exit.amount -= uint112(Math.min(paid, exit.amount));
            if (exit.amount == 0) exit.initiatedAt = 0;
        }
        _payBack(config, id, channel, paid);
        emit Refunded(id, msg.sender, uint128(paid));
    }

    function _payBack(ChannelConfig calldata config, bytes32 id, Channel storage channel, uint256 amount) private {
        if (amount == 0) return;
        channel.balance -= uint112(amount);
        if (channel.balance == 0) emit ChannelClosed(id, config);
        token.safeTransfer(config.payer, amount);
    }
}
