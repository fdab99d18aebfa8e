// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IStakeRegistry} from "./IStakeRegistry.sol";

/// @title Holds the stakes of validators and node operators, pays them their part of the fees, slashes offenders.
/// @notice A stake earns from the moment it is made until it is asked back, then waits in a queue where it can
/// still be slashed. A proposed slash locks what it will take, so that nothing escapes while it can be vetoed.
/// Rewards are another account: no slash reaches what was earned. Rounding always favours the contract.
contract StakeRegistry is AccessManaged, IStakeRegistry {
    using SafeERC20 for IERC20;

    /// @notice Fraction bits of `rewardPerToken`: 1e36 keeps the error of a notice below 1e-9 wei in all, for the
    /// whole supply of 1e27 wei at stake.
    uint256 public constant SCALE = 1e36;
    /// @notice Entries that an account may have in a queue.
    uint32 public constant MAX_UNBONDINGS = 32;
    uint16 private constant BPS = 10_000;

    /// @notice The token staked and paid.
    IERC20 public immutable token;
    /// @notice Seconds that a stake stays in the queue.
    uint40 public immutable unbondDelay;
    /// @notice Seconds in which a proposed slash can be vetoed.
    uint40 public immutable vetoWindow;
    /// @notice The most that one offence may cost, in basis points of what the offender holds.
    uint16 public immutable capBps;

    /// @notice Receives what is slashed.
    address public treasury;
    /// @notice Whether new stakes and rewards are stopped.
    bool public paused;
    /// @notice Slashes ever proposed; their numbers start at 1.
    uint256 public slashCount;
    /// @notice Each slash by its number.
    mapping(uint256 id => Slash) public slashes;
    /// @notice The slash of each offence of an account; 0 for none.
    mapping(address account => mapping(bytes32 offence => uint256)) public slashOf;

    mapping(PoolId => Pool) private _pools;
    mapping(PoolId => mapping(address account => Position)) private _positions;
    mapping(PoolId => mapping(address account => mapping(uint32 index => Unbonding))) private _queues;

    modifier whenNotPaused() {
        if (paused) revert ContractPaused();
        _;
    }

    constructor(
        IERC20 token_,
        address authority_,
        address treasury_,
        uint40 unbondDelay_,
        uint40 vetoWindow_,
        uint16 capBps_
    ) AccessManaged(authority_) {
        if (unbondDelay_ <= vetoWindow_) revert UnbondNotLongerThanVeto(unbondDelay_, vetoWindow_);
        if (capBps_ == 0 || capBps_ > BPS) revert CapOutOfRange(capBps_);
        token = token_;
        unbondDelay = unbondDelay_;
        vetoWindow = vetoWindow_;
        capBps = capBps_;
        _setTreasury(treasury_);
    }

    /// @notice Stakes; needs an allowance of `amount`. Earlier stakes and their queues are not touched.
    function stake(PoolId pool, uint256 amount) external whenNotPaused {
        if (amount == 0) revert ZeroAmount();
        if (amount > type(uint128).max) revert AmountTooLarge(amount);
        Position storage position = _settle(pool, msg.sender);
        position.staked += uint128(amount);
        _pools[pool].staked += uint128(amount);
        emit Staked(pool, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Asks `amount` back: it stops earning now and can be withdrawn after `unbondDelay`.
    function unbond(PoolId pool, uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        Position storage position = _settle(pool, msg.sender);
        if (amount > position.staked) revert ExceedsStake(amount, position.staked);
        if (position.tail - position.head >= MAX_UNBONDINGS) revert QueueFull(MAX_UNBONDINGS);
        uint40 availableAt = uint40(block.timestamp) + unbondDelay;
        uint128 moved = uint128(amount);
        position.staked -= moved;
        position.unbonding += moved;
        _queues[pool][msg.sender][position.tail++] = Unbonding(moved, availableAt);
        Pool storage totals = _pools[pool];
        totals.staked -= moved;
        totals.unbonding += moved;
        emit UnbondingStarted(pool, msg.sender, amount, availableAt);
    }

    /// @notice Pays out what waited long enough, less what open proposals lock.
    function withdraw(PoolId pool) external returns (uint256 amount) {
        Position storage position = _positions[pool][msg.sender];
        uint128 free = position.staked + position.unbonding - position.locked;
        uint128 taken = _takeOldest(pool, position, free);
        if (taken == 0) revert NothingToWithdraw(msg.sender);
        position.unbonding -= taken;
        _pools[pool].unbonding -= taken;
        emit Withdrawn(pool, msg.sender, taken);
        token.safeTransfer(msg.sender, taken);
        return taken;
    }

    /// @notice Shares `amount` among the stakes of a pool, by size; needs an allowance. Anyone may give.
    function notifyReward(PoolId pool, uint256 amount) external whenNotPaused {
        if (amount == 0) revert ZeroAmount();
        if (amount > type(uint128).max) revert AmountTooLarge(amount);
        _credit(pool, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Shares what was sent here by a plain transfer, as the vault does, among the stakes of all pools, by
    /// size. Anyone may call, so the caller chooses nothing.
    function notifyHeld() external whenNotPaused returns (uint256 amount) {
        Pool storage validators = _pools[PoolId.Validators];
        Pool storage operators = _pools[PoolId.NodeOperators];
        amount = token.balanceOf(address(this)) - _accounted(validators) - _accounted(operators);
        if (amount == 0) revert ZeroAmount();
        uint256 staked = uint256(validators.staked) + operators.staked;
        if (staked == 0) revert NobodyStakes(PoolId.Validators);
        uint256 ofValidators = Math.mulDiv(amount, validators.staked, staked);
        if (ofValidators > 0) _credit(PoolId.Validators, ofValidators);
        if (amount > ofValidators) _credit(PoolId.NodeOperators, amount - ofValidators);
    }

    /// @notice Pays out what the caller earned.
    function claimReward(PoolId pool) external returns (uint256 amount) {
        Position storage position = _settle(pool, msg.sender);
        amount = position.owed;
        if (amount == 0) revert NothingToClaim(msg.sender);
        position.owed = 0;
        _pools[pool].paid += uint128(amount);
        emit RewardPaid(pool, msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @notice Proposes to take up to `requested` from an offender, and locks it. Takes less where the cap, or what
    /// the offender holds beyond other proposals, is less: asking for too much must not be a way out.
    /// @param offence Hash of the published evidence; counts once an account, vetoed or not.
    function proposeSlash(PoolId pool, address account, uint256 requested, bytes32 offence)
        external
        restricted
        returns (uint256 id)
    {
        if (slashOf[account][offence] != 0) revert OffenceKnown(offence);
        Position storage position = _positions[pool][account];
        uint256 held = uint256(position.staked) + position.unbonding;
        uint256 amount = Math.min(requested, Math.min((held * capBps) / BPS, held - position.locked));
        if (amount == 0) revert NothingToSlash(account);
        id = ++slashCount;
        uint40 executableAt = uint40(block.timestamp) + vetoWindow;
        slashes[id] = Slash(account, pool, SlashState.Proposed, executableAt, uint128(amount));
        slashOf[account][offence] = id;
        position.locked += uint128(amount);
        emit SlashProposed(id, pool, account, offence, requested, amount, executableAt);
    }

    /// @notice Ends a proposal without effect, within its window.
    function vetoSlash(uint256 id) external restricted {
        Slash storage slash = _proposed(id);
        if (block.timestamp >= slash.executableAt) revert VetoWindowOver(id, slash.executableAt);
        slash.state = SlashState.Vetoed;
        _positions[slash.pool][slash.account].locked -= slash.amount;
        emit SlashVetoed(id);
    }

    /// @notice Executes a proposal that was not vetoed; anyone may. Takes from the stake first, then from the
    /// newest entries of the queue.
    function executeSlash(uint256 id) external {
        Slash storage slash = _proposed(id);
        if (block.timestamp < slash.executableAt) revert VetoWindowOpen(id, slash.executableAt);
        slash.state = SlashState.Executed;
        Position storage position = _settle(slash.pool, slash.account);
        uint128 amount = slash.amount;
        uint128 fromStake = uint128(Math.min(amount, position.staked));
        uint128 fromUnbonding = amount - fromStake;
        position.locked -= amount;
        position.staked -= fromStake;
        position.unbonding -= fromUnbonding;
        Pool storage totals = _pools[slash.pool];
        totals.staked -= fromStake;
        totals.unbonding -= fromUnbonding;
        _takeNewest(slash.pool, slash.account, position, fromUnbonding);
        emit Slashed(id, slash.pool, slash.account, fromStake, fromUnbonding);
        token.safeTransfer(treasury, amount);
    }

    /// @notice Names who receives what is slashed.
    function setTreasury(address treasury_) external restricted {
        _setTreasury(treasury_);
    }

    /// @notice Stops new stakes and rewards. What is held can always be asked back, withdrawn and claimed.
    function pause() external restricted {
        paused = true;
        emit Paused(msg.sender);
    }

    /// @notice Resumes stakes and rewards.
    function unpause() external restricted {
        paused = false;
        emit Unpaused(msg.sender);
    }

    /// @notice The sums of a pool.
    function poolOf(PoolId pool) external view returns (Pool memory) {
        return _pools[pool];
    }

    /// @notice What an account holds in a pool; `owed` is up to date.
    function positionOf(PoolId pool, address account) external view returns (Position memory position) {
        position = _positions[pool][account];
        position.owed += uint128(_earned(pool, position.staked, position.rewardPerToken));
        position.rewardPerToken = _pools[pool].rewardPerToken;
    }

    /// @notice The queue of an account, oldest first.
    function unbondingsOf(PoolId pool, address account) external view returns (Unbonding[] memory entries) {
        Position storage position = _positions[pool][account];
        entries = new Unbonding[](position.tail - position.head);
        for (uint32 i = 0; i < entries.length; ++i) entries[i] = _queues[pool][account][position.head + i];
    }

    /// What the pool's stakers are owed, or will be.
    function _accounted(Pool storage pool) private view returns (uint256) {
        return uint256(pool.staked) + pool.unbonding + pool.rewarded - pool.paid;
    }

    function _credit(PoolId pool, uint256 amount) private {
        Pool storage totals = _pools[pool];
        if (totals.staked == 0) revert NobodyStakes(pool);
        totals.rewardPerToken += (amount * SCALE) / totals.staked;
        totals.rewarded += uint128(amount);
        emit RewardNotified(pool, msg.sender, amount);
    }

    function _proposed(uint256 id) private view returns (Slash storage slash) {
        slash = slashes[id];
        if (slash.state != SlashState.Proposed) revert SlashNotOpen(id);
    }

    function _earned(PoolId pool, uint256 staked, uint256 since) private view returns (uint256) {
        return (staked * (_pools[pool].rewardPerToken - since)) / SCALE;
    }

    /// Counts what the stake earned so far, before it changes.
    function _settle(PoolId pool, address account) private returns (Position storage position) {
        position = _positions[pool][account];
        position.owed += uint128(_earned(pool, position.staked, position.rewardPerToken));
        position.rewardPerToken = _pools[pool].rewardPerToken;
    }

    function _takeOldest(PoolId pool, Position storage position, uint128 free) private returns (uint128 taken) {
        uint32 tail = position.tail;
        uint32 head = position.head;
        while (head < tail && taken < free) {
            Unbonding storage entry = _queues[pool][msg.sender][head];
            if (block.timestamp < entry.availableAt) break;
            uint128 part = uint128(Math.min(entry.amount, free - taken));
            taken += part;
            entry.amount -= part;
            if (entry.amount == 0) ++head;
        }
        position.head = head;
    }

    function _takeNewest(PoolId pool, address account, Position storage position, uint128 amount) private {
        uint32 tail = position.tail;
        while (amount > 0) {
            Unbonding storage entry = _queues[pool][account][tail - 1];
            uint128 part = uint128(Math.min(entry.amount, amount));
            amount -= part;
            entry.amount -= part;
            if (entry.amount == 0) --tail;
        }
        position.tail = tail;
    }

    function _setTreasury(address treasury_) private {
        if (treasury_ == address(0)) revert ZeroAddress();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }
}
