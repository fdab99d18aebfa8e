// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeRegistry} from "../contracts/IStakeRegistry.sol";
import {StakeRegistry} from "../contracts/StakeRegistry.sol";
import {StakeHandler} from "./support/StakeHandler.sol";
import {Test} from "./support/Test.sol";

/// forge-config: default.invariant.runs = 48
/// forge-config: default.invariant.depth = 160
/// forge-config: ci.invariant.runs = 128
/// forge-config: ci.invariant.depth = 500
/// @notice What holds of the stakes after anything that anyone does.
contract StakeInvariantsTest is Test {
    StakeHandler private handler;
    StakeRegistry private registry;
    address private treasury = address(0xA002);

    function setUp() external {
        vm.warp(1_700_000_000);
        address[] memory people = new address[](2);
        for (uint160 i = 0; i < 2; ++i) people[i] = address(0xB001 + i);
        handler = new StakeHandler(treasury, people);
        registry = handler.registry();
        target(address(handler));
    }

    /// One walk checks both, for the walk costs more than the checks.
    function invariant_C6_C10_stakesAndRewardsAreHeld() external view {
        _holdsWhatWasPutInLessWhatCameOut();
        _owesNoMoreThanItHolds();
    }

    /// C6: what an account holds is what it put in less what came out and what was slashed; open proposals fit in it.
    function _holdsWhatWasPutInLessWhatCameOut() private view {
        assertEq(bytes(handler.broken()).length, 0, handler.broken());
        uint256 lost;
        for (uint8 pool = 0; pool < 2; ++pool) {
            uint256 staked;
            uint256 unbonding;
            for (uint256 i = 0; i < handler.headcount(); ++i) {
                address person = handler.people(i);
                IStakeRegistry.Position memory position =
                    registry.positionOf(IStakeRegistry.PoolId(pool), person);
                uint256 held = uint256(position.staked) + position.unbonding;
                uint256 kept = handler.staked(pool, person) - handler.withdrawn(pool, person);
                assertEq(held, kept - handler.slashed(pool, person), "C6: held");
                assertLe(position.locked, held, "C6: locked");
                assertEq(_queued(pool, person), position.unbonding, "the queue");
                staked += position.staked;
                unbonding += position.unbonding;
                lost += handler.slashed(pool, person);
            }
            IStakeRegistry.Pool memory totals = registry.poolOf(IStakeRegistry.PoolId(pool));
            assertEq(totals.staked, staked, "the pool's stakes");
            assertEq(totals.unbonding, unbonding, "the pool's queue");
        }
        assertEq(handler.token().balanceOf(treasury), lost, "C10: the treasury has what was slashed");
    }

    /// Rewards owed and stakes are held to the wei; rounding only ever leaves something over.
    function _owesNoMoreThanItHolds() private view {
        uint256 due;
        uint256 exact;
        for (uint8 pool = 0; pool < 2; ++pool) {
            IStakeRegistry.Pool memory totals = registry.poolOf(IStakeRegistry.PoolId(pool));
            assertEq(totals.rewarded, handler.given(pool), "given");
            assertEq(totals.paid, handler.paid(pool), "paid");
            uint256 owed;
            for (uint256 i = 0; i < handler.headcount(); ++i) {
                owed += registry.positionOf(IStakeRegistry.PoolId(pool), handler.people(i)).owed;
            }
            assertLe(owed + totals.paid, totals.rewarded, "never more than was given");
            due += owed + totals.staked + totals.unbonding;
            exact += totals.rewarded - totals.paid + totals.staked + totals.unbonding;
        }
        uint256 balance = handler.token().balanceOf(address(registry));
        assertEq(balance, exact, "to the wei");
        assertLe(due, balance, "solvent");
    }

    function _queued(uint8 pool, address person) private view returns (uint256 sum) {
        IStakeRegistry.Unbonding[] memory queue = registry.unbondingsOf(IStakeRegistry.PoolId(pool), person);
        for (uint256 i = 0; i < queue.length; ++i) sum += queue[i].amount;
    }
}
