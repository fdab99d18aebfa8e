// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the registry of stakes stores, reports and refuses.
interface IStakeRegistry {
    /// @notice Who stakes, and is paid together by stake.
    enum PoolId {
        Validators,
        NodeOperators
    }

    struct Pool {
        /// Stakes that earn, in wei.
        uint128 staked;
        /// Stakes on their way out: they earn nothing and can be slashed.
        uint128 unbonding;
        /// Rewards ever given to one wei of stake, times `SCALE`.
        uint256 rewardPerToken;
        /// Rewards ever received, and ever paid out, in wei.
        uint128 rewarded;
        uint128 paid;
    }

    struct Position {
        uint128 staked;
        uint128 unbonding;
        /// The pool's `rewardPerToken` up to which `owed` counts.
        uint256 rewardPerToken;
        /// Rewards earned and not paid out, in wei.
        uint128 owed;
        /// What open proposals may still take: it cannot be withdrawn.
        uint128 locked;
        /// The open entries of the queue are [head, tail).
        uint32 head;
        uint32 tail;
    }

    struct Unbonding {
        uint128 amount;
        /// Can be withdrawn from this time on, in seconds.
        uint40 availableAt;
    }

    enum SlashState {
        None,
        Proposed,
        Vetoed,
        Executed
    }

    struct Slash {
        address account;
        PoolId pool;
        SlashState state;
        /// Can be vetoed before this time, in seconds, and executed from it on.
        uint40 executableAt;
        /// What it takes, in wei.
        uint128 amount;
    }

    event Staked(PoolId indexed pool, address indexed account, uint256 amount);
    event UnbondingStarted(PoolId indexed pool, address indexed account, uint256 amount, uint40 availableAt);
    event Withdrawn(PoolId indexed pool, address indexed account, uint256 amount);
    event RewardNotified(PoolId indexed pool, address indexed from, uint256 amount);
    event RewardPaid(PoolId indexed pool, address indexed account, uint256 amount);
    /// @param amount What it will take: `requested`, or less where the cap or what is held is less.
    event SlashProposed(
        uint256 indexed id,
        PoolId indexed pool,
        address indexed account,
        bytes32 offence,
        uint256 requested,
        uint256 amount,
        uint40 executableAt
    );
    event SlashVetoed(uint256 indexed id);
    /// @notice `fromStake + fromUnbonding` went to the treasury.
    event Slashed(
        uint256 indexed id,
        PoolId indexed pool,
        address indexed account,
        uint256 fromStake,
        uint256 fromUnbonding
    );
    event TreasuryChanged(address indexed treasury);
    event Paused(address indexed by);
    event Unpaused(address indexed by);

    error ZeroAmount();
    error ZeroAddress();
    error AmountTooLarge(uint256 given);
    error ExceedsStake(uint256 wanted, uint256 staked);
    error QueueFull(uint256 limit);
    error NothingToWithdraw(address account);
    error NothingToClaim(address account);
    error NobodyStakes(PoolId pool);
    error NothingToSlash(address account);
    error OffenceKnown(bytes32 offence);
    error SlashNotOpen(uint256 id);
    error VetoWindowOpen(uint256 id, uint40 executableAt);
    error VetoWindowOver(uint256 id, uint40 executableAt);
    error UnbondNotLongerThanVeto(uint40 unbondDelay, uint40 vetoWindow);
    error CapOutOfRange(uint16 capBps);
    error ContractPaused();
}
