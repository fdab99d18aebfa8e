// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title Pays contributors by cumulative Merkle roots.
/// @notice A leaf is (account, everything ever earned). A claim pays the leaf less what was paid before, so an
/// old root stays safe to claim against and a claim never races the next root.
contract RewardsDistributor is Ownable2Step, Pausable {
    using SafeERC20 for IERC20;

    struct Root {
        /// Root of OpenZeppelin-style double-hashed leaves (address, uint256).
        bytes32 root;
        /// Sum of all leaves, in wei.
        uint256 total;
        /// Hash of the published calculation behind the root.
        bytes32 manifest;
        /// Claims are open from this time on, in seconds.
        uint64 activatedAt;
    }

    /// @notice The token paid.
    IERC20 public immutable token;
    /// @notice Seconds between posting a root and the first claim against it.
    uint64 public immutable activationDelay;
    /// @notice May post roots.
    address public poster;
    /// @notice The newest posted epoch; 0 before the first.
    uint64 public lastEpoch;
    /// @notice Everything ever paid, in wei.
    uint256 public totalClaimed;
    /// @notice Everything ever paid to an account, in wei.
    mapping(address account => uint256) public claimed;
    /// @notice The root of each epoch, for ever.
    mapping(uint64 epoch => Root) public roots;

    event RootPosted(uint64 indexed epoch, bytes32 indexed root, uint256 total, bytes32 manifest, uint64 activatedAt);
    /// @param amount What was transferred by this claim, not the leaf.
    event Claimed(uint64 indexed epoch, address indexed account, uint256 amount, uint256 cumulative);
    event PosterChanged(address indexed poster);

    error NotPoster(address caller);
    error EpochOutOfOrder(uint64 given, uint64 expected);
    error EmptyRoot();
    error TotalDecreased(uint256 given, uint256 previous);
    error Underfunded(uint256 owed, uint256 held);
    error UnknownEpoch(uint64 epoch);
    error NotActive(uint64 epoch, uint64 activatedAt);
    error InvalidProof();
    error NothingToClaim(address account, uint256 claimed);

    constructor(IERC20 token_, address owner_, address poster_, uint64 activationDelay_) Ownable(owner_) {
        token = token_;
        poster = poster_;
        activationDelay = activationDelay_;
        emit PosterChanged(poster_);
    }

    /// @notice Publishes the cumulative root of the next epoch; refused if it promises more than is held.
    function postRoot(uint64 epoch, bytes32 root, uint256 total, bytes32 manifest) external whenNotPaused {
        if (msg.sender != poster && msg.sender != owner()) revert NotPoster(msg.sender);
        if (epoch != lastEpoch + 1) revert EpochOutOfOrder(epoch, lastEpoch + 1);
        if (root == bytes32(0)) revert EmptyRoot();
        uint256 previous = roots[lastEpoch].total;
        if (total < previous) revert TotalDecreased(total, previous);
        uint256 held = token.balanceOf(address(this));
        if (total - totalClaimed > held) revert Underfunded(total - totalClaimed, held);

        uint64 activatedAt = uint64(block.timestamp) + activationDelay;
        lastEpoch = epoch;
        roots[epoch] = Root(root, total, manifest, activatedAt);
        emit RootPosted(epoch, root, total, manifest, activatedAt);
    }

    /// @notice Pays `account` what it earned up to `epoch` and was not paid yet. Anyone may call; the money
    /// always goes to `account`.
    function claim(uint64 epoch, address account, uint256 total, bytes32[] calldata proof)
        external
        whenNotPaused
        returns (uint256 amount)
    {
        Root storage entry = roots[epoch];
        if (entry.root == bytes32(0)) revert UnknownEpoch(epoch);
        if (block.timestamp < entry.activatedAt) revert NotActive(epoch, entry.activatedAt);
        // Hashed twice so that an inner node (64 bytes) can never be passed off as a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, total))));
        if (!MerkleProof.verifyCalldata(proof, entry.root, leaf)) revert InvalidProof();

        uint256 before = claimed[account];
        if (total <= before) revert NothingToClaim(account, before);
        amount = total - before;
        claimed[account] = total;
        totalClaimed += amount;
        token.safeTransfer(account, amount);
        emit Claimed(epoch, account, amount, total);
    }

    /// @notice Names the key that may post roots.
    function setPoster(address poster_) external onlyOwner {
        poster = poster_;
        emit PosterChanged(poster_);
    }

    /// @notice Stops claims and new roots.
    function pause() external onlyOwner {
        _pause();
    }

    /// @notice Resumes claims and new roots.
    function unpause() external onlyOwner {
        _unpause();
    }
}
