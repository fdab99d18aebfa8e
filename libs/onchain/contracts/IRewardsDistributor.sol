// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the distributor of rewards stores, reports and refuses.
interface IRewardsDistributor {
    struct Root {
        /// Root of OpenZeppelin-style double-hashed leaves (address, uint256).
        bytes32 root;
        /// Hash of the published calculation behind the root.
        bytes32 manifest;
        /// Sum of all leaves, in wei.
        uint128 total;
        /// Claims are open from this time on, in seconds.
        uint40 activatedAt;
        /// The open challenge against it; 0 for none.
        uint32 challenge;
    }

    struct Challenge {
        address challenger;
        /// What is at stake, in wei; 0 once it was given back or lost.
        uint96 bond;
        uint40 epoch;
        /// From this time on, in seconds, an undecided challenge counts as upheld.
        uint40 decideBy;
    }

    struct Settings {
        address poster;
        address confirmer;
        address treasury;
        uint40 activationDelay;
        uint40 resolutionWindow;
        uint96 challengeBond;
    }

    event RootPosted(uint40 indexed epoch, bytes32 indexed root, uint256 total, bytes32 manifest, uint40 activatedAt);
    event RootConfirmed(uint40 indexed epoch, bytes32 indexed root);
    /// @notice The roots from `firstEpoch` to `lastEpoch` will never pay; `firstEpoch` is posted again next.
    event RootsDisabled(uint40 indexed firstEpoch, uint40 lastEpoch);
    /// @param amount What was transferred by this claim, not the leaf.
    event Claimed(
        uint40 indexed epoch, address indexed account, address recipient, uint256 amount, uint256 cumulative
    );
    event ClaimerChanged(address indexed account, address indexed claimer);
    /// @param evidence Hash of the challenger's published recalculation.
    event ChallengeOpened(
        uint32 indexed id,
        uint40 indexed epoch,
        address indexed challenger,
        bytes32 root,
        bytes32 evidence,
        uint256 bond,
        uint40 decideBy
    );
    /// @param upheld Whether the root was disabled.
    /// @param decided False where the council let the time pass, or the root fell with an earlier one.
    /// @param recipient Who received the bond.
    event ChallengeClosed(uint32 indexed id, bool upheld, bool decided, address recipient, uint256 bond);
    event PosterChanged(address indexed poster);
    event ConfirmerChanged(address indexed confirmer);
    event TreasuryChanged(address indexed treasury);
    event ChallengeBondChanged(uint256 bond);
    event Paused(address indexed by);
    event Unpaused(address indexed by);

    error NotPoster(address caller);
    error NotConfirmer(address caller);
    error EpochOutOfOrder(uint40 given, uint40 expected);
    error EmptyRoot();
    error RootChanged(bytes32 given, bytes32 posted);
    error TotalDecreased(uint256 given, uint256 previous);
    error TotalTooLarge(uint256 given);
    error Underfunded(uint256 owed, uint256 held);
    error TooManyPending(uint40 epoch, uint40 activatedAt);
    error UnknownEpoch(uint40 epoch);
    error NotActive(uint40 epoch, uint40 activatedAt);
    error AlreadyActive(uint40 epoch, uint40 activatedAt);
    error ChallengeWindowOver(uint40 epoch, uint40 endedAt);
    error InvalidProof();
    error NothingToClaim(address account, uint256 claimed);
    error Overdrawn(uint256 claimed, uint256 total);
    error AlreadyChallenged(uint40 epoch, uint32 id);
    error ChallengeNotOpen(uint32 id);
    error ChallengeStillOpen(uint32 id, uint40 decideBy);
    error DecidedTooLate(uint32 id, uint40 decideBy);
    error ZeroBond();
    error ZeroAddress();
    error ContractPaused();
}
