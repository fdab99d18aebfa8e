// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRewardsDistributor} from "../contracts/IRewardsDistributor.sol";
import {RewardsFixture} from "./support/RewardsFixture.sol";

/// @notice Stopping roots: by challenge, by the guardian, by the second party.
contract RewardsChallengeTest is RewardsFixture {
    uint256[] private bad;
    uint256[] private good;

    function setUp() public override {
        super.setUp();
        bad = four(90, 10, 0, 0);
        good = four(40, 60, 0, 0);
        fund(1_000);
    }

    function test_takesABondAndFreezesTheRootAndAllLaterOnes() external {
        uint256 before = token.balanceOf(watcher);
        post(1, good);
        passDelay();
        post(2, bad);
        post(3, bad);
        uint32 id = contest(2);
        assertEq(before - token.balanceOf(watcher), BOND, "the bond moved");
        assertEq(distributor.bonded(), BOND, "and is held apart");
        passDelay();
        refusesClaim(2, bad, 0, IRewardsDistributor.NotActive.selector, "the contested root");
        refusesClaim(3, bad, 0, IRewardsDistributor.NotActive.selector, "a root that builds on it");
        claim(1, good, 0);
        (address challenger, uint96 bond, uint40 epoch, uint40 decideBy) = distributor.challenges(id);
        assertEq(challenger, watcher, "challenger");
        assertEq(bond, BOND, "bond");
        assertEq(epoch, 2, "epoch");
        assertEq(decideBy, block.timestamp - DELAY + WINDOW, "deadline");
    }

    function test_isOpenUntilTheActivationForThePostedRootOnce() external {
        post(1, bad);
        (bytes32 posted,,,,) = distributor.roots(1);
        bytes32 why = keccak256("evidence");
        bytes memory wrong = abi.encodeCall(distributor.challengeRoot, (1, keccak256("other"), why));
        refuses(watcher, wrong, IRewardsDistributor.RootChanged.selector, "another root");
        bytes memory absent = abi.encodeCall(distributor.challengeRoot, (2, posted, why));
        refuses(watcher, absent, IRewardsDistributor.UnknownEpoch.selector, "no root yet");
        vm.warp(block.timestamp + DELAY - 1);
        contest(1);
        bytes memory again = abi.encodeCall(distributor.challengeRoot, (1, posted, why));
        refuses(watcher, again, IRewardsDistributor.AlreadyChallenged.selector, "twice");
        vm.warp(block.timestamp + 1);
        post(2, bad);
        passDelay();
        (bytes32 second,,,,) = distributor.roots(2);
        bytes memory late = abi.encodeCall(distributor.challengeRoot, (2, second, why));
        refuses(watcher, late, IRewardsDistributor.ChallengeWindowOver.selector, "too late");
    }

    function test_upheldDisablesTheRootGivesTheBondBackAndTheNumberToTheNextRoot() external {
        uint256 before = token.balanceOf(watcher);
        post(1, bad);
        uint32 id = contest(1);
        distributor.resolveChallenge(id, true);
        assertEq(token.balanceOf(watcher), before, "the bond is back");
        assertEq(distributor.bonded(), 0, "none is held");
        assertEq(distributor.lastEpoch(), 0, "rewound");
        passDelay();
        refusesClaim(1, bad, 0, IRewardsDistributor.UnknownEpoch.selector, "the disabled root");
        post(1, good);
        refusesClaim(1, bad, 0, IRewardsDistributor.NotActive.selector, "waits anew");
        passDelay();
        refusesClaim(1, bad, 0, IRewardsDistributor.InvalidProof.selector, "a leaf of the disabled root");
        claim(1, good, 0);
        assertEq(token.balanceOf(people[0]), 40, "the new root pays");
    }

    function test_rejectedSendsTheBondToTheTreasuryAndTheRootGoesOn() external {
        post(1, good);
        uint32 id = contest(1);
        distributor.resolveChallenge(id, false);
        assertEq(token.balanceOf(treasury), BOND, "the bond is lost");
        assertEq(distributor.bonded(), 0, "none is held");
        refusesClaim(1, good, 0, IRewardsDistributor.NotActive.selector, "the delay still holds");
        uint32 second = contest(1);
        assertTrue(second != id, "better evidence may follow within the delay");
        distributor.resolveChallenge(second, false);
        passDelay();
        claim(1, good, 0);
    }

    function test_decidesInTimeOrNotAtAll() external {
        post(1, bad);
        uint32 id = contest(1);
        bytes memory expire = abi.encodeCall(distributor.expireChallenge, (id));
        vm.warp(block.timestamp + WINDOW - 1);
        refuses(relayer, expire, IRewardsDistributor.ChallengeStillOpen.selector, "a second early");
        vm.warp(block.timestamp + 1);
        bytes memory resolve = abi.encodeCall(distributor.resolveChallenge, (id, false));
        refuses(address(this), resolve, IRewardsDistributor.DecidedTooLate.selector, "too late");
        uint256 before = token.balanceOf(watcher);
        vm.prank(relayer);
        distributor.expireChallenge(id);
        assertEq(token.balanceOf(watcher) - before, BOND, "silence gives the bond back");
        assertEq(distributor.lastEpoch(), 0, "and disables the root");
        refuses(relayer, expire, IRewardsDistributor.ChallengeNotOpen.selector, "once");
        refuses(address(this), resolve, IRewardsDistributor.ChallengeNotOpen.selector, "closed");
        bytes memory reclaim = abi.encodeCall(distributor.reclaimBond, (id));
        refuses(watcher, reclaim, IRewardsDistributor.ChallengeNotOpen.selector, "the bond is given once");
    }

    function test_neverCountsBondsAsFunds() external {
        uint256 held = token.balanceOf(address(distributor));
        post(1, good);
        contest(1);
        refusesPost(2, keccak256("r"), held + 1, IRewardsDistributor.Underfunded.selector, "a bond is not money");
        vm.prank(poster);
        distributor.postRoot(2, keccak256("r"), held, MANIFEST);
    }

    function test_guardianDisablesOnlyWhatIsNotActive() external {
        post(1, good);
        passDelay();
        bytes memory active = abi.encodeCall(distributor.disableRoot, (1));
        refuses(address(this), active, IRewardsDistributor.AlreadyActive.selector, "an active root is a promise");
        bytes memory absent = abi.encodeCall(distributor.disableRoot, (2));
        refuses(address(this), absent, IRewardsDistributor.UnknownEpoch.selector, "no such root");
        bytes memory zero = abi.encodeCall(distributor.disableRoot, (0));
        refuses(address(this), zero, IRewardsDistributor.UnknownEpoch.selector, "epoch 0");
        post(2, bad);
        distributor.disableRoot(2);
        assertEq(distributor.lastEpoch(), 1, "rewound to the active one");
        claim(1, good, 0);
    }

    /// E5: at most one live root an epoch, and the fall of one takes all that build on it.
    function test_disablingTakesAllLaterRootsForGood() external {
        post(1, good);
        passDelay();
        post(2, bad);
        uint256[] memory worse = four(200, 100, 0, 0);
        post(3, worse);
        distributor.disableRoot(2);
        passDelay();
        refusesClaim(2, bad, 0, IRewardsDistributor.UnknownEpoch.selector, "the disabled");
        refusesClaim(3, worse, 0, IRewardsDistributor.UnknownEpoch.selector, "the later");
        // A lower total than the disabled root's is right again.
        post(2, good);
        passDelay();
        refusesClaim(3, worse, 0, IRewardsDistributor.UnknownEpoch.selector, "the later, after the number is back");
        claim(2, good, 1);
        refusesPost(3, keccak256("r"), 99, IRewardsDistributor.TotalDecreased.selector, "below the live root");
    }

    function test_rejectingOneChallengeLeavesALaterOneOpen() external {
        post(1, good);
        post(2, good);
        post(3, bad);
        post(4, bad);
        uint32 later = contest(3);
        uint32 first = contest(1);
        assertEq(distributor.contestedFrom(), 1, "the lowest counts");
        distributor.resolveChallenge(first, false);
        assertEq(distributor.contestedFrom(), 3, "then the next");
        passDelay();
        claim(2, good, 0);
        refusesClaim(4, bad, 0, IRewardsDistributor.NotActive.selector, "still builds on a contested root");
        distributor.resolveChallenge(later, false);
        assertEq(distributor.contestedFrom(), 0, "none is left");
        claim(4, bad, 0);
    }

    function test_givesTheBondBackWhenTheRootFellWithAnEarlierOne() external {
        post(1, bad);
        post(2, bad);
        uint32 first = contest(1);
        uint32 later = contest(2);
        bytes memory reclaim = abi.encodeCall(distributor.reclaimBond, (later));
        refuses(relayer, reclaim, IRewardsDistributor.ChallengeStillOpen.selector, "while it is open");
        distributor.resolveChallenge(first, true);
        bytes memory resolve = abi.encodeCall(distributor.resolveChallenge, (later, false));
        refuses(address(this), resolve, IRewardsDistributor.ChallengeNotOpen.selector, "its root is gone");
        // The numbers are used again: the old challenge must not contest the new roots.
        post(1, good);
        post(2, good);
        refuses(address(this), resolve, IRewardsDistributor.ChallengeNotOpen.selector, "another root now");
        uint256 before = token.balanceOf(watcher);
        vm.prank(relayer);
        distributor.reclaimBond(later);
        assertEq(token.balanceOf(watcher) - before, BOND, "back to the challenger");
        assertEq(distributor.bonded(), 0, "none is held");
        refuses(relayer, reclaim, IRewardsDistributor.ChallengeNotOpen.selector, "once");
        passDelay();
        claim(2, good, 1);
    }

    function test_givesTheBondAsItWasPutUp() external {
        post(1, bad);
        uint32 id = contest(1);
        distributor.setChallengeBond(BOND * 3);
        uint256 before = token.balanceOf(watcher);
        distributor.resolveChallenge(id, true);
        assertEq(token.balanceOf(watcher) - before, BOND, "not the new bond");
    }

    function test_asksASecondPartyWhereOneIsNamed() external {
        address second = address(0x2D);
        distributor.setConfirmer(second);
        post(1, good);
        post(2, good);
        bytes32 same = root(good);
        bytes memory confirm = abi.encodeCall(distributor.confirmRoot, (1, same));
        refuses(poster, confirm, IRewardsDistributor.NotConfirmer.selector, "the poster itself");
        bytes memory skip = abi.encodeCall(distributor.confirmRoot, (2, same));
        refuses(second, skip, IRewardsDistributor.EpochOutOfOrder.selector, "out of order");
        bytes memory other = abi.encodeCall(distributor.confirmRoot, (1, root(bad)));
        refuses(second, other, IRewardsDistributor.RootChanged.selector, "another result");
        passDelay();
        refusesClaim(1, good, 0, IRewardsDistributor.NotActive.selector, "unconfirmed");
        vm.prank(second);
        distributor.confirmRoot(1, same);
        claim(1, good, 0);
        refusesClaim(2, good, 1, IRewardsDistributor.NotActive.selector, "each one");
        // What nobody confirmed can be disabled at any time, and its successor needs a confirmation of its own.
        distributor.disableRoot(2);
        post(2, bad);
        passDelay();
        refusesClaim(2, bad, 0, IRewardsDistributor.NotActive.selector, "the new root");
        distributor.setConfirmer(address(0));
        claim(2, bad, 0);
    }

    function test_aConfirmedRootThatFallsMustBeConfirmedAnew() external {
        address second = address(0x2D);
        distributor.setConfirmer(second);
        post(1, bad);
        bytes32 wrong = root(bad);
        vm.prank(second);
        distributor.confirmRoot(1, wrong);
        distributor.disableRoot(1);
        post(1, good);
        passDelay();
        refusesClaim(1, good, 0, IRewardsDistributor.NotActive.selector, "not confirmed yet");
    }
}
