// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ParamRegistry} from "../contracts/ParamRegistry.sol";
import {Cheats, Test} from "./support/Test.sol";

/// @dev Schedules versions, possible and impossible ones, while time passes; keeps the accepted ones.
contract ParamHandler is Cheats {
    ParamRegistry public immutable registry;
    ParamRegistry.Params[] public accepted;
    uint256 public immutable start;

    constructor() {
        vm.warp(1_800_000_000);
        start = block.timestamp;
        AccessManager manager = new AccessManager(address(this));
        ParamRegistry.Params memory first =
            ParamRegistry.Params(1_000, 2_000, 2_000, 5_000, 1_000, 500, 1 days, 1e18, 0);
        registry = new ParamRegistry(address(manager), first);
        first.effectiveAt = uint40(block.timestamp);
        accepted.push(first);
    }

    function schedule(uint16[5] calldata bps, uint32 epochLength, uint40 notice) external {
        ParamRegistry.Params memory params;
        params.platformBps = uint16(bound(bps[0], 0, 2_000));
        params.developerBps = uint16(bound(bps[1], 0, 4_000));
        params.stakersBps = uint16(bound(bps[2], 0, 3_000));
        params.contributorsBps = 10_000 - params.platformBps - params.developerBps - params.stakersBps;
        params.operatorBps = uint16(bound(bps[3], 0, 4_000));
        params.royaltyBps = uint16(bound(bps[4], 0, 6_000));
        if (bps[4] % 16 == 0) params.contributorsBps += 1;
        params.epochLength = uint32(bound(epochLength, 0, 40 days));
        params.effectiveAt = uint40(block.timestamp + bound(notice, 0, 60 days));
        uint256 epochBefore = registry.current().epochLength;
        try registry.schedule(params) {
            require(params.effectiveAt >= block.timestamp + epochBefore, "C9: no epoch of notice");
            accepted.push(params);
        } catch {}
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 20 days));
    }

    function count() external view returns (uint256) {
        return accepted.length;
    }

    /// @dev The last accepted version that had started by then.
    function versionAt(uint256 timestamp) external view returns (uint256 version) {
        for (uint256 i; i < accepted.length; ++i) {
            if (accepted[i].effectiveAt <= timestamp) version = i + 1;
        }
    }
}

contract ParamRegistryInvariants is Test {
    ParamHandler private handler;
    ParamRegistry private registry;

    function setUp() public {
        handler = new ParamHandler();
        registry = handler.registry();
        target(address(handler));
    }

    /// @notice C9: every version sums to 10,000 and stays inside its bounds.
    function invariant_C9_everyVersionIsWhole() external view {
        assertEq(registry.latestVersion(), handler.count(), "versions");
        ParamRegistry.Params memory params = registry.paramsOf(registry.latestVersion());
        uint256 sum =
            uint256(params.platformBps) + params.developerBps + params.stakersBps + params.contributorsBps;
        assertEq(sum, 10_000, "sum");
        assertLe(params.platformBps, 1_500, "platform");
        assertLe(params.operatorBps, uint256(params.platformBps) + params.developerBps, "operator");
        assertTrue(params.epochLength >= 1 minutes && params.epochLength <= 30 days, "epoch");
    }

    /// @notice What is in force at any time, past or future, is what a plain scan finds.
    function invariant_versionAtFindsTheVersionInForce() external view {
        for (uint256 ahead; ahead <= 80 days; ahead += 16 days) {
            uint256 at = handler.start() + ahead;
            assertEq(registry.versionAt(at), handler.versionAt(at), "after the start");
            assertEq(
                registry.versionAt(block.timestamp + ahead), handler.versionAt(block.timestamp + ahead), "from now"
            );
        }
    }
}

contract ParamRegistryTest is Test {
    AccessManager private manager;
    ParamRegistry private registry;

    function setUp() public {
        vm.warp(1_800_000_000);
        manager = new AccessManager(address(this));
        registry = new ParamRegistry(address(manager), params(0));
    }

    function test_startsAtOnce() external {
        ParamRegistry.Params memory first = registry.current();
        assertEq(first.effectiveAt, block.timestamp, "in force");
        assertEq(registry.versionAt(block.timestamp), 1, "version");
        vm.expectRevert(abi.encodeWithSelector(ParamRegistry.NothingInForce.selector, block.timestamp - 1));
        registry.versionAt(block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ParamRegistry.UnknownVersion.selector, 0));
        registry.paramsOf(0);
        vm.expectRevert(abi.encodeWithSelector(ParamRegistry.UnknownVersion.selector, 2));
        registry.paramsOf(2);
    }

    function test_takesEffectAtItsTimeAndKeepsThePast() external {
        uint40 at = uint40(block.timestamp + 2 days);
        ParamRegistry.Params memory next = params(at);
        next.platformBps = 500;
        next.contributorsBps = 5_500;
        assertEq(registry.schedule(next), 2, "version");
        assertEq(registry.current().platformBps, 1_000, "not yet");
        vm.warp(at - 1);
        assertEq(registry.current().platformBps, 1_000, "one second before");
        vm.warp(at);
        assertEq(registry.current().platformBps, 500, "in force");
        assertEq(registry.paramsOf(registry.versionAt(at - 1)).platformBps, 1_000, "the past stays");
    }

    function test_sameTimeReplacesAndEarlierIsRefused() external {
        uint40 at = uint40(block.timestamp + 10 days);
        registry.schedule(params(at));
        ParamRegistry.Params memory corrected = params(at);
        corrected.minPayout = 2e18;
        registry.schedule(corrected);
        vm.expectRevert(
            abi.encodeWithSelector(
                ParamRegistry.EffectiveOutOfBounds.selector, at - 1, at, block.timestamp + 365 days
            )
        );
        registry.schedule(params(at - 1));
        vm.warp(at);
        assertEq(registry.current().minPayout, 2e18, "the later decision");
    }

    function test_refusesLessNoticeThanAnEpochAndMoreThanAYear() external {
        uint256 earliest = block.timestamp + 1 days;
        uint256 latest = block.timestamp + 365 days;
        uint40[3] memory wrong = [uint40(block.timestamp), uint40(earliest - 1), uint40(latest + 1)];
        for (uint256 i; i < wrong.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ParamRegistry.EffectiveOutOfBounds.selector, wrong[i], earliest, latest)
            );
            registry.schedule(params(wrong[i]));
        }
        registry.schedule(params(uint40(earliest)));
    }

    function test_refusesWhatIsOutOfBounds() external {
        uint40 at = uint40(block.timestamp + 2 days);
        ParamRegistry.Params memory wrong = params(at);
        wrong.stakersBps += 1;
        refused(wrong, abi.encodeWithSelector(ParamRegistry.SplitNotWhole.selector, 10_001));
        wrong = params(at);
        (wrong.platformBps, wrong.contributorsBps) = (1_501, 4_499);
        refused(wrong, abi.encodeWithSelector(ParamRegistry.PlatformTooHigh.selector, 1_501, 1_500));
        wrong = params(at);
        wrong.operatorBps = 3_001;
        refused(wrong, abi.encodeWithSelector(ParamRegistry.OperatorTooHigh.selector, 3_001, 3_000));
        wrong = params(at);
        wrong.royaltyBps = 5_001;
        refused(wrong, abi.encodeWithSelector(ParamRegistry.RoyaltyTooHigh.selector, 5_001, 5_000));
        wrong = params(at);
        wrong.epochLength = 59;
        refused(
            wrong, abi.encodeWithSelector(ParamRegistry.EpochLengthOutOfBounds.selector, 59, 1 minutes, 30 days)
        );
        wrong = params(at);
        wrong.minPayout = 1_000e18 + 1;
        refused(wrong, abi.encodeWithSelector(ParamRegistry.MinPayoutTooHigh.selector, 1_000e18 + 1, 1_000e18));
    }

    /// @notice C11: only the authority's administrator changes parameters.
    function testFuzz_C11_nobodyElseSchedules(address stranger) external {
        if (stranger == address(this) || stranger == address(manager)) return;
        ParamRegistry.Params memory next = params(uint40(block.timestamp + 2 days));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, stranger));
        registry.schedule(next);
    }

    function refused(ParamRegistry.Params memory wrong, bytes memory why) private {
        vm.expectRevert(why);
        registry.schedule(wrong);
    }

    function params(uint40 at) private pure returns (ParamRegistry.Params memory) {
        return ParamRegistry.Params(1_000, 2_000, 2_000, 5_000, 1_000, 500, 1 days, 1e18, at);
    }
}
