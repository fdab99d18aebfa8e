// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title The parameters that money is split by, with their whole history.
/// @notice An answer is split by the version in force when it was served, so a version only ever starts in an
/// epoch that has not begun, and none is changed or removed.
contract ParamRegistry is AccessManaged {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev One storage slot.
    struct Params {
        /// The platform's part of a fee, in basis points.
        uint16 platformBps;
        /// The model developer's part.
        uint16 developerBps;
        /// The stakers' part.
        uint16 stakersBps;
        /// The contributors' part.
        uint16 contributorsBps;
        /// The part of a fee that goes to whoever ran the model, taken from the platform's and the developer's.
        uint16 operatorBps;
        /// Of the developer's part and of the contributors' pool: what goes to those behind the model's ancestors.
        uint16 royaltyBps;
        /// Seconds between two roots of rewards.
        uint32 epochLength;
        /// What an account must be owed, in wei, to enter a root.
        uint88 minPayout;
        /// In force from this time on, in seconds.
        uint40 effectiveAt;
    }

    /// @notice Parts of a fee sum to this.
    uint16 public constant BPS = 10_000;
    /// @notice The platform may never take more.
    uint16 public constant PLATFORM_BPS_MAX = 1_500;
    /// @notice Those before a model may never get more than those behind it.
    uint16 public constant ROYALTY_BPS_MAX = 5_000;
    /// @notice Bounds of an epoch, in seconds.
    uint32 public constant EPOCH_LENGTH_MIN = 1 minutes;
    uint32 public constant EPOCH_LENGTH_MAX = 30 days;
    /// @notice No account may be kept waiting for more than this, in wei.
    uint88 public constant MIN_PAYOUT_MAX = 1_000e18;
    /// @notice How far ahead a version may start: times never go back, so a typing error must not block the next.
    uint40 public constant NOTICE_MAX = 365 days;

    Params[] private _versions;
    /// @dev Version by the time it is in force from.
    Checkpoints.Trace208 private _versionAt;

    event ParamsScheduled(uint256 indexed version, Params params);

    error SplitNotWhole(uint256 sum);
    error PlatformTooHigh(uint16 given, uint16 limit);
    error OperatorTooHigh(uint16 given, uint256 limit);
    error RoyaltyTooHigh(uint16 given, uint16 limit);
    error EpochLengthOutOfBounds(uint32 given, uint32 lowest, uint32 highest);
    error MinPayoutTooHigh(uint88 given, uint88 limit);
    error EffectiveOutOfBounds(uint40 given, uint256 earliest, uint256 latest);
    error UnknownVersion(uint256 version);
    error NothingInForce(uint256 timestamp);

    /// @param first In force from now on; its `effectiveAt` is not read.
    constructor(address authority_, Params memory first) AccessManaged(authority_) {
        first.effectiveAt = uint40(block.timestamp);
        _append(first);
    }

    /// @notice Adds a version. One that starts at the same time as the newest takes its place.
    function schedule(Params calldata params) external restricted returns (uint256 version) {
        Params storage newest = _versions[_versions.length - 1];
        // A whole epoch of notice: whatever the phase of the epochs, the current one ends under its own terms.
        uint256 earliest = block.timestamp + current().epochLength;
        if (newest.effectiveAt > earliest) earliest = newest.effectiveAt;
        uint256 latest = block.timestamp + NOTICE_MAX;
        if (params.effectiveAt < earliest || params.effectiveAt > latest) {
            revert EffectiveOutOfBounds(params.effectiveAt, earliest, latest);
        }
        return _append(params);
    }

    /// @notice The newest version's number; the first is 1.
    function latestVersion() external view returns (uint256) {
        return _versions.length;
    }

    /// @notice A version by number, whether it was, is or will be in force.
    function paramsOf(uint256 version) external view returns (Params memory) {
        if (version == 0 || version > _versions.length) revert UnknownVersion(version);
        return _versions[version - 1];
    }

    /// @notice The version in force at a time: what an answer served then is split by.
    function versionAt(uint256 timestamp) public view returns (uint256 version) {
        if (timestamp > type(uint48).max) timestamp = type(uint48).max;
        version = _versionAt.upperLookupRecent(uint48(timestamp));
        if (version == 0) revert NothingInForce(timestamp);
    }

    /// @notice What is in force now.
    function current() public view returns (Params memory) {
        return _versions[versionAt(block.timestamp) - 1];
    }

    function _append(Params memory params) private returns (uint256 version) {
        uint256 sum =
            uint256(params.platformBps) + params.developerBps + params.stakersBps + params.contributorsBps;
        if (sum != BPS) revert SplitNotWhole(sum);
        if (params.platformBps > PLATFORM_BPS_MAX) revert PlatformTooHigh(params.platformBps, PLATFORM_BPS_MAX);
        uint256 operatorMax = uint256(params.platformBps) + params.developerBps;
        if (params.operatorBps > operatorMax) revert OperatorTooHigh(params.operatorBps, operatorMax);
        if (params.royaltyBps > ROYALTY_BPS_MAX) revert RoyaltyTooHigh(params.royaltyBps, ROYALTY_BPS_MAX);
        if (params.epochLength < EPOCH_LENGTH_MIN || params.epochLength > EPOCH_LENGTH_MAX) {
            revert EpochLengthOutOfBounds(params.epochLength, EPOCH_LENGTH_MIN, EPOCH_LENGTH_MAX);
        }
        if (params.minPayout > MIN_PAYOUT_MAX) revert MinPayoutTooHigh(params.minPayout, MIN_PAYOUT_MAX);

        _versions.push(params);
        version = _versions.length;
        _versionAt.push(params.effectiveAt, uint208(version));
        emit ParamsScheduled(version, params);
    }
}
