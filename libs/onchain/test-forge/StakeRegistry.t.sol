// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IStakeRegistry} from "../contracts/IStakeRegistry.sol";
import {StakeRegistry} from "../contracts/StakeRegistry.sol";
import {SoleAuthority} from "./support/SoleAuthority.sol";
import {Test} from "./support/Test.sol";
import {TestToken} from "./support/TestToken.sol";
import {Vm} from "./support/Vm.sol";

contract StakeRegistryTest is Test {
    uint40 private constant UNBOND = 14 days;
    uint40 private constant VETO = 7 days;
    uint16 private constant CAP = 5_000;
    IStakeRegistry.PoolId private constant NODES = IStakeRegistry.PoolId.NodeOperators;
    IStakeRegistry.PoolId private constant VALIDATORS = IStakeRegistry.PoolId.Validators;

    TestToken private token;
    StakeRegistry private registry;
    SoleAuthority private authority;
    address private treasury = address(0xA002);
    address private alice = address(0xB001);
    address private bob = address(0xB002);

    function setUp() external {
        vm.warp(1_700_000_000);
        token = new TestToken();
        authority = new SoleAuthority();
        registry = deploy(UNBOND, VETO, CAP);
        address[2] memory stakers = [alice, bob];
        for (uint256 i = 0; i < 2; ++i) {
            token.transfer(stakers[i], 1e24);
            vm.prank(stakers[i]);
            token.approve(address(registry), type(uint256).max);
        }
        token.approve(address(registry), type(uint256).max);
    }

    function deploy(uint40 unbondDelay, uint40 vetoWindow, uint16 capBps) private returns (StakeRegistry) {
        return new StakeRegistry(token, address(authority), treasury, unbondDelay, vetoWindow, capBps);
    }

    function stake(address account, uint256 amount) private {
        vm.prank(account);
        registry.stake(NODES, amount);
    }

    function unbond(address account, uint256 amount) private {
        vm.prank(account);
        registry.unbond(NODES, amount);
    }

    function withdraw(address account) private returns (uint256) {
        vm.prank(account);
        return registry.withdraw(NODES);
    }

    function claim(address account) private returns (uint256) {
        vm.prank(account);
        return registry.claimReward(NODES);
    }

    function propose(address account, uint256 amount, bytes32 offence) private returns (uint256) {
        return registry.proposeSlash(NODES, account, amount, offence);
    }

    function execute(uint256 id) private {
        vm.warp(block.timestamp + VETO);
        vm.prank(bob);
        registry.executeSlash(id);
    }

    function held(address account) private view returns (uint256) {
        IStakeRegistry.Position memory position = registry.positionOf(NODES, account);
        return uint256(position.staked) + position.unbonding;
    }

    function owed(address account) private view returns (uint256) {
        return registry.positionOf(NODES, account).owed;
    }

    function refuses(address from, bytes memory data, bytes4 selector, string memory what) private {
        vm.prank(from);
        (bool ok, bytes memory answer) = address(registry).call(data);
        assertTrue(!ok, string.concat(what, ": was accepted"));
        assertEq(bytes32(bytes4(answer)), bytes32(selector), what);
    }

    /// C7: a stake cannot leave before a slash of it could be executed.
    function testFuzz_isOnlyDeployedWithAnUnbondingLongerThanTheVeto(uint40 unbondDelay, uint40 vetoWindow) external {
        // Two random numbers are never equal, and that is the case to refuse.
        if (unbondDelay % 4 == 0) unbondDelay = vetoWindow;
        if (unbondDelay > vetoWindow) {
            assertEq(deploy(unbondDelay, vetoWindow, CAP).vetoWindow(), vetoWindow, "deployed");
            return;
        }
        vm.expectRevert(
            abi.encodeWithSelector(IStakeRegistry.UnbondNotLongerThanVeto.selector, unbondDelay, vetoWindow)
        );
        deploy(unbondDelay, vetoWindow, CAP);
    }

    /// A part of 0 % or above 100 % would brick slashes and what follows them.
    function test_refusesACapThatIsNoPart() external {
        vm.expectRevert(abi.encodeWithSelector(IStakeRegistry.CapOutOfRange.selector, 0));
        deploy(UNBOND, VETO, 0);
        vm.expectRevert(abi.encodeWithSelector(IStakeRegistry.CapOutOfRange.selector, 10_001));
        deploy(UNBOND, VETO, 10_001);
    }

    function test_unbondsInAQueueAndATopUpMovesNothing() external {
        stake(alice, 100);
        unbond(alice, 30);
        vm.warp(block.timestamp + 1 days);
        stake(alice, 50);
        unbond(alice, 20);
        IStakeRegistry.Unbonding[] memory queue = registry.unbondingsOf(NODES, alice);
        assertEq(queue.length, 2, "two entries");
        assertEq(queue[0].availableAt, block.timestamp - 1 days + UNBOND, "the first keeps its time");
        vm.warp(queue[0].availableAt - 1);
        bytes memory early = abi.encodeCall(registry.withdraw, (NODES));
        refuses(alice, early, IStakeRegistry.NothingToWithdraw.selector, "a second early");
        vm.warp(queue[0].availableAt);
        assertEq(withdraw(alice), 30, "the first");
        vm.warp(queue[1].availableAt);
        assertEq(withdraw(alice), 20, "the second");
        assertEq(token.balanceOf(alice), 1e24 - 100, "the rest is staked");
        bytes memory tooMuch = abi.encodeCall(registry.unbond, (NODES, 101));
        refuses(alice, tooMuch, IStakeRegistry.ExceedsStake.selector, "more than is staked");
    }

    function test_boundsTheQueue() external {
        stake(alice, 1_000);
        uint32 limit = registry.MAX_UNBONDINGS();
        for (uint256 i = 0; i < limit; ++i) unbond(alice, 1);
        bytes memory more = abi.encodeCall(registry.unbond, (NODES, 1));
        refuses(alice, more, IStakeRegistry.QueueFull.selector, "one too many");
        vm.warp(block.timestamp + UNBOND);
        assertEq(withdraw(alice), limit, "all at once");
        unbond(alice, 1);
    }

    /// C10 and rounding: shares follow the stakes, and what does not divide stays with the contract.
    function testFuzz_sharesRewardsByStakeAndNeverRoundsUp(uint256 a, uint256 b, uint256 reward) external {
        a = bound(a, 1, 1e24);
        b = bound(b, 1, 1e24);
        reward = bound(reward, 1, 1e24);
        stake(alice, a);
        stake(bob, b);
        registry.notifyReward(NODES, reward);
        uint256 forAlice = owed(alice);
        uint256 forBob = owed(bob);
        assertLe(forAlice + forBob, reward, "never more than was given");
        assertLe(reward - forAlice - forBob, 2, "less than a wei each is left");
        uint256 exact = (reward * a) / (a + b);
        assertLe(forAlice, exact, "rounded down");
        assertLe(exact, forAlice + 1, "by a wei at most");
        if (forAlice == 0) return;
        uint256 before = token.balanceOf(alice);
        vm.recordLogs();
        assertEq(claim(alice), forAlice, "paid");
        assertEq(token.balanceOf(alice) - before, forAlice, "moved");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[0], IStakeRegistry.RewardPaid.selector, "event");
        assertEq(abi.decode(logs[0].data, (uint256)), forAlice, "reported");
        refuses(
            alice, abi.encodeCall(registry.claimReward, (NODES)), IStakeRegistry.NothingToClaim.selector, "once"
        );
    }

    function test_paysOnlyForTheTimeThatAStakeIsIn() external {
        stake(alice, 100);
        registry.notifyReward(NODES, 1_000);
        stake(bob, 300);
        assertEq(owed(bob), 0, "nothing for the time before");
        registry.notifyReward(NODES, 1_000);
        unbond(bob, 300);
        registry.notifyReward(NODES, 1_000);
        assertEq(owed(alice), 1_000 + 250 + 1_000, "alice");
        assertEq(owed(bob), 750, "bob earns nothing on the way out");
    }

    function test_keepsPoolsApart() external {
        stake(alice, 100);
        vm.prank(bob);
        registry.stake(VALIDATORS, 100);
        registry.notifyReward(VALIDATORS, 50);
        assertEq(owed(alice), 0, "not hers");
        assertEq(registry.positionOf(VALIDATORS, bob).owed, 50, "his");
        bytes memory twice = abi.encodeCall(registry.unbond, (VALIDATORS, 1));
        refuses(alice, twice, IStakeRegistry.ExceedsStake.selector, "a stake counts in its pool");
    }

    function test_refusesARewardThatNobodyWouldGet() external {
        bytes memory data = abi.encodeCall(registry.notifyReward, (NODES, 10));
        refuses(address(this), data, IStakeRegistry.NobodyStakes.selector, "no stake");
        stake(alice, 1);
        unbond(alice, 1);
        refuses(address(this), data, IStakeRegistry.NobodyStakes.selector, "only stakes on their way out");
        bytes memory nothing = abi.encodeCall(registry.notifyReward, (NODES, 0));
        refuses(address(this), nothing, IStakeRegistry.ZeroAmount.selector, "nothing");
        bytes memory huge = abi.encodeCall(registry.notifyReward, (NODES, 1 << 128));
        refuses(address(this), huge, IStakeRegistry.AmountTooLarge.selector, "too much");
    }

    /// What the vault sends is shared by stake over both pools, and no caller can steer it.
    function testFuzz_sharesWhatWasSentOverAllStakes(uint256 a, uint256 b, uint256 sent) external {
        a = bound(a, 0, 1e24);
        b = bound(b, 1, 1e24);
        sent = bound(sent, 1, 1e24);
        if (a > 0) stake(alice, a);
        vm.prank(bob);
        registry.stake(VALIDATORS, b);
        registry.notifyReward(VALIDATORS, 5);
        token.transfer(address(registry), sent);
        vm.prank(alice);
        assertEq(registry.notifyHeld(), sent, "all of it, and nothing that was known");
        uint256 forAlice = owed(alice);
        uint256 forBob = uint256(registry.positionOf(VALIDATORS, bob).owed);
        assertLe(forAlice + forBob, sent + 5, "never more than was sent");
        assertLe(sent + 5, forAlice + forBob + 2, "less than a wei each is left");
        uint256 exact = (sent * a) / (a + b);
        assertLe(exact, forAlice + 1, "by stake");
        assertLe(forAlice, exact + 1, "by stake");
        bytes memory again = abi.encodeCall(registry.notifyHeld, ());
        refuses(bob, again, IStakeRegistry.ZeroAmount.selector, "once");
    }

    function test_keepsWhatWasSentWhileNobodyStakes() external {
        token.transfer(address(registry), 10);
        bytes memory data = abi.encodeCall(registry.notifyHeld, ());
        refuses(bob, data, IStakeRegistry.NobodyStakes.selector, "nobody");
        stake(alice, 1);
        registry.notifyHeld();
        assertEq(claim(alice), 10, "the first to stake");
    }

    /// C6: not before the veto ends, once, exactly, to the treasury.
    function test_executesAfterTheVetoWindowOnceAndReportsWhatMoved() external {
        stake(alice, 100);
        uint256 id = propose(alice, 40, "downtime");
        bytes memory data = abi.encodeCall(registry.executeSlash, (id));
        vm.warp(block.timestamp + VETO - 1);
        refuses(bob, data, IStakeRegistry.VetoWindowOpen.selector, "a second early");
        vm.warp(block.timestamp + 1);
        bytes memory veto = abi.encodeCall(registry.vetoSlash, (id));
        refuses(address(this), veto, IStakeRegistry.VetoWindowOver.selector, "a veto too late");
        vm.recordLogs();
        registry.executeSlash(id);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[0], IStakeRegistry.Slashed.selector, "event");
        (uint256 fromStake, uint256 fromUnbonding) = abi.decode(logs[0].data, (uint256, uint256));
        assertEq(fromStake + fromUnbonding, 40, "reported");
        assertEq(token.balanceOf(treasury), 40, "moved");
        assertEq(held(alice), 60, "kept");
        refuses(bob, data, IStakeRegistry.SlashNotOpen.selector, "once");
        bytes memory again = abi.encodeCall(registry.proposeSlash, (NODES, alice, 40, "downtime"));
        refuses(address(this), again, IStakeRegistry.OffenceKnown.selector, "an offence counts once");
    }

    function test_aVetoEndsAProposalForGood() external {
        stake(alice, 100);
        uint256 id = propose(alice, 40, "mistake");
        registry.vetoSlash(id);
        assertEq(registry.positionOf(NODES, alice).locked, 0, "nothing is locked");
        vm.warp(block.timestamp + VETO);
        bytes memory data = abi.encodeCall(registry.executeSlash, (id));
        refuses(bob, data, IStakeRegistry.SlashNotOpen.selector, "vetoed");
        assertEq(held(alice), 100, "kept");
        refuses(bob, abi.encodeCall(registry.executeSlash, (9)), IStakeRegistry.SlashNotOpen.selector, "unknown");
    }

    /// C6: an offender who saw it coming and asked everything back is reached all the same.
    function testFuzz_reachesWhatIsOnItsWayOut(uint256 left, uint256 taken) external {
        left = bound(left, 0, 100);
        taken = bound(taken, 1, 50);
        stake(alice, 100);
        if (left < 100) unbond(alice, 100 - left);
        uint256 id = propose(alice, taken, "fraud");
        // The queue matures within the veto window, and still nothing escapes.
        vm.warp(block.timestamp + UNBOND);
        if (left < 100) {
            uint256 free = 100 - left < 100 - taken ? 100 - left : 100 - taken;
            assertEq(withdraw(alice), free, "all but what is locked");
        }
        vm.prank(bob);
        registry.executeSlash(id);
        assertEq(token.balanceOf(treasury), taken, "the whole slash");
        uint256 leftUnbonding = registry.positionOf(NODES, alice).unbonding;
        uint256 queued;
        IStakeRegistry.Unbonding[] memory queue = registry.unbondingsOf(NODES, alice);
        for (uint256 i = 0; i < queue.length; ++i) queued += queue[i].amount;
        assertEq(queued, leftUnbonding, "the queue says what is on its way out");
    }

    function test_takesTheNewestOfTheQueueFirst() external {
        stake(alice, 100);
        unbond(alice, 50);
        vm.warp(block.timestamp + 1);
        unbond(alice, 50);
        uint256 id = propose(alice, 50, "fraud");
        execute(id);
        IStakeRegistry.Unbonding[] memory queue = registry.unbondingsOf(NODES, alice);
        assertEq(queue.length, 1, "one entry is left");
        assertEq(queue[0].availableAt, block.timestamp - VETO - 1 + UNBOND, "the oldest");
    }

    /// What is asked for beyond the cap, or beyond what is held, is not a reason to take nothing.
    function test_takesNoMoreThanTheCapAnOffenceAndWhatIsHeld() external {
        stake(alice, 100);
        uint256 first = propose(alice, type(uint256).max, "one");
        uint256 second = propose(alice, type(uint256).max, "two");
        bytes memory third = abi.encodeCall(registry.proposeSlash, (NODES, alice, 1, "three"));
        refuses(address(this), third, IStakeRegistry.NothingToSlash.selector, "all is locked already");
        execute(first);
        assertEq(token.balanceOf(treasury), 50, "the cap");
        execute(second);
        assertEq(token.balanceOf(treasury), 100, "each offence has its own");
        assertEq(held(alice), 0, "nothing is left");
        bytes memory none = abi.encodeCall(registry.proposeSlash, (NODES, bob, 1, "one"));
        refuses(address(this), none, IStakeRegistry.NothingToSlash.selector, "holds nothing");
    }

    /// A deposit made after the proposal is not the offence's.
    function testFuzz_neverTakesWhatWasStakedAfterTheProposal(uint256 later) external {
        later = bound(later, 1, 1e23);
        stake(alice, 100);
        uint256 first = propose(alice, 1_000, "one");
        uint256 second = propose(alice, 1_000, "two");
        stake(alice, later);
        execute(first);
        registry.executeSlash(second);
        assertEq(held(alice), later, "the later deposit is whole");
    }

    function test_punishesNobodyElse() external {
        stake(alice, 100);
        stake(bob, 100);
        registry.notifyReward(NODES, 200);
        execute(propose(alice, 50, "fraud"));
        assertEq(held(bob), 100, "his stake");
        assertEq(owed(bob), 100, "his reward");
        registry.notifyReward(NODES, 150);
        assertEq(owed(bob), 200, "the share follows what is left");
    }

    /// What was earned is not at stake, even of an offender who loses all.
    function test_leavesEarnedRewardsAlone() external {
        stake(alice, 100);
        registry.notifyReward(NODES, 30);
        uint256 first = propose(alice, 50, "one");
        uint256 second = propose(alice, 50, "two");
        execute(first);
        registry.executeSlash(second);
        assertEq(held(alice), 0, "no stake is left");
        assertEq(claim(alice), 30, "the reward is");
    }

    function test_lettingPeopleOutIsNeverStopped() external {
        stake(alice, 100);
        registry.notifyReward(NODES, 30);
        registry.pause();
        bytes memory more = abi.encodeCall(registry.stake, (NODES, 1));
        refuses(alice, more, IStakeRegistry.ContractPaused.selector, "a new stake");
        bytes memory reward = abi.encodeCall(registry.notifyReward, (NODES, 1));
        refuses(address(this), reward, IStakeRegistry.ContractPaused.selector, "a new reward");
        unbond(alice, 100);
        assertEq(claim(alice), 30, "reward");
        vm.warp(block.timestamp + UNBOND);
        assertEq(withdraw(alice), 100, "stake");
        registry.unpause();
        stake(alice, 1);
    }

    function test_onlyTheAuthorityAdministers() external {
        stake(alice, 100);
        bytes4 denied = IAccessManaged.AccessManagedUnauthorized.selector;
        bytes[5] memory calls = [
            abi.encodeCall(registry.proposeSlash, (NODES, alice, 1, "x")),
            abi.encodeCall(registry.vetoSlash, (1)),
            abi.encodeCall(registry.setTreasury, (alice)),
            abi.encodeCall(registry.pause, ()),
            abi.encodeCall(registry.unpause, ())
        ];
        for (uint256 i = 0; i < calls.length; ++i) refuses(alice, calls[i], denied, "a stranger");
        bytes memory nowhere = abi.encodeCall(registry.setTreasury, (address(0)));
        refuses(address(this), nowhere, IStakeRegistry.ZeroAddress.selector, "a treasury nowhere");
        registry.setTreasury(bob);
        assertEq(registry.treasury(), bob, "the authority may");
    }
}
