// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IRewardsDistributor} from "../contracts/IRewardsDistributor.sol";
import {RewardsDistributor} from "../contracts/RewardsDistributor.sol";
import {Leaves} from "./support/Leaves.sol";
import {RewardsFixture} from "./support/RewardsFixture.sol";
import {Vm} from "./support/Vm.sol";

/// @notice Posting and claiming.
contract RewardsDistributorTest is RewardsFixture {
    function test_postsOnlyTheNextEpochByThePosterAlone() external {
        fund(100);
        bytes32 any = keccak256("root");
        bytes memory first = abi.encodeCall(distributor.postRoot, (1, any, 100, MANIFEST));
        refuses(relayer, first, IRewardsDistributor.NotPoster.selector, "a stranger");
        refuses(address(this), first, IRewardsDistributor.NotPoster.selector, "the administrator");
        refusesPost(0, any, 100, IRewardsDistributor.EpochOutOfOrder.selector, "epoch 0");
        refusesPost(2, any, 100, IRewardsDistributor.EpochOutOfOrder.selector, "a gap");
        refusesPost(1, 0, 100, IRewardsDistributor.EmptyRoot.selector, "no root");
        post(1, four(1, 2, 3, 4));
        refusesPost(1, any, 100, IRewardsDistributor.EpochOutOfOrder.selector, "a second root of one epoch");
        (bytes32 posted, bytes32 manifest, uint128 total, uint40 activatedAt,) = distributor.roots(1);
        assertEq(posted, root(four(1, 2, 3, 4)), "root");
        assertEq(manifest, MANIFEST, "manifest");
        assertEq(total, 10, "total");
        assertEq(activatedAt, block.timestamp + DELAY, "activation");
    }

    /// E3: what is promised is held.
    function testFuzz_neverPromisesMoreThanItHolds(uint256 held, uint256 total) external {
        held = bound(held, 0, 1e26);
        total = bound(total, 0, 2e26);
        fund(held);
        if (total > held) {
            refusesPost(1, keccak256("r"), total, IRewardsDistributor.Underfunded.selector, "too much");
            return;
        }
        vm.prank(poster);
        distributor.postRoot(1, keccak256("r"), total, MANIFEST);
        // What was promised once is promised still: the next root may only add what is free.
        refusesPost(2, keccak256("r"), held + 1, IRewardsDistributor.Underfunded.selector, "one wei too much");
    }

    function test_countsWhatWasPaidAsPromisedNoMore() external {
        fund(100);
        uint256[] memory totals = four(60, 40, 0, 0);
        post(1, totals);
        passDelay();
        claim(1, totals, 0);
        fund(10);
        refusesPost(2, keccak256("r"), 111, IRewardsDistributor.Underfunded.selector, "paid money is gone");
        post(2, four(70, 40, 0, 0));
    }

    function test_refusesATotalThatFallsOrOverflows() external {
        fund(100);
        post(1, four(10, 0, 0, 0));
        refusesPost(2, keccak256("r"), 9, IRewardsDistributor.TotalDecreased.selector, "falls");
        refusesPost(2, keccak256("r"), 1 << 128, IRewardsDistributor.TotalTooLarge.selector, "overflows");
        post(2, four(10, 0, 0, 0));
    }

    function test_boundsHowFarAPosterRunsAhead() external {
        uint40 limit = distributor.MAX_PENDING();
        for (uint40 epoch = 1; epoch <= limit; ++epoch) post(epoch, four(0, 0, 0, 0));
        bytes32 any = keccak256("r");
        refusesPost(limit + 1, any, 0, IRewardsDistributor.TooManyPending.selector, "one too many");
        passDelay();
        post(limit + 1, four(0, 0, 0, 0));
    }

    /// C1 and C10: pays the leaf less what was paid, to the account, whoever calls, and reports what moved.
    function testFuzz_paysTheDifferenceToTheAccount(uint256 seed, uint8 sizeSeed) external {
        uint256 size = bound(sizeSeed, 1, 9);
        delete people;
        uint256[] memory first = new uint256[](size);
        uint256[] memory second = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) {
            people.push(address(uint160(0xC000 + i)));
            first[i] = uint256(keccak256(abi.encode(seed, i))) % 1e24;
            second[i] = first[i] + uint256(keccak256(abi.encode(seed, i, "more"))) % 1e24;
        }
        fund(sum(second));
        post(1, first);
        post(2, second);
        passDelay();
        for (uint256 i = 0; i < size; ++i) {
            if (first[i] > 0 && i % 2 == 0) _claimAndCompare(1, first, i, first[i]);
            uint256 rest = second[i] - distributor.claimed(people[i]);
            if (rest > 0) _claimAndCompare(2, second, i, rest);
            assertEq(token.balanceOf(people[i]), second[i], "all earned is paid");
        }
        assertEq(distributor.totalClaimed(), sum(second), "the sum of what was paid");
        assertEq(token.balanceOf(address(distributor)), 0, "nothing is left");
    }

    function _claimAndCompare(uint40 epoch, uint256[] memory totals, uint256 who, uint256 expected) private {
        uint256 before = token.balanceOf(people[who]);
        vm.recordLogs();
        assertEq(claim(epoch, totals, who), expected, "answer");
        assertEq(token.balanceOf(people[who]) - before, expected, "moved");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IRewardsDistributor.Claimed.selector) continue;
            (address recipient, uint256 amount, uint256 cumulative) =
                abi.decode(logs[i].data, (address, uint256, uint256));
            assertEq(recipient, people[who], "reported recipient");
            assertEq(amount, expected, "reported amount");
            assertEq(cumulative, totals[who], "reported sum");
            return;
        }
        assertTrue(false, "no event");
    }

    function test_refusesWhatIsNotProven() external {
        uint256[] memory totals = four(10, 20, 30, 40);
        fund(100);
        post(1, totals);
        passDelay();
        bytes4 invalid = IRewardsDistributor.InvalidProof.selector;
        bytes32[] memory proof = Leaves.proof(people, totals, 0);
        refuses(relayer, abi.encodeCall(distributor.claim, (1, people[0], 11, proof)), invalid, "another amount");
        refuses(relayer, abi.encodeCall(distributor.claim, (1, people[1], 10, proof)), invalid, "another account");
        refuses(relayer, abi.encodeCall(distributor.claim, (1, people[0], 10, new bytes32[](0))), invalid, "no proof");
        refusesClaim(1, four(10, 20, 30, 41), 0, invalid, "a proof of another tree");
    }

    function test_paysOnlyFromTheActivationOn() external {
        uint256[] memory totals = four(10, 0, 0, 0);
        fund(10);
        refusesClaim(1, totals, 0, IRewardsDistributor.UnknownEpoch.selector, "before it is posted");
        post(1, totals);
        vm.warp(block.timestamp + DELAY - 1);
        refusesClaim(1, totals, 0, IRewardsDistributor.NotActive.selector, "a second early");
        vm.warp(block.timestamp + 1);
        claim(1, totals, 0);
        refusesClaim(1, totals, 0, IRewardsDistributor.NothingToClaim.selector, "twice");
    }

    function test_keepsOldRootsClaimableAndNeverPaysBackwards() external {
        uint256[] memory first = four(10, 5, 0, 0);
        uint256[] memory second = four(30, 5, 0, 0);
        fund(35);
        post(1, first);
        post(2, second);
        passDelay();
        claim(2, second, 0);
        refusesClaim(1, first, 0, IRewardsDistributor.NothingToClaim.selector, "an older, lower leaf");
        claim(1, first, 1);
        assertEq(token.balanceOf(people[1]), 5, "an old root pays");
    }

    /// Leaves above the posted total stop at it: bonds and the money of later epochs stay out of reach.
    function test_stopsLeavesThatSumToMoreThanTheirTotal() external {
        uint256[] memory lying = four(100, 100, 0, 0);
        fund(500);
        bytes32 liar = root(lying);
        vm.prank(poster);
        distributor.postRoot(1, liar, 150, MANIFEST);
        passDelay();
        claim(1, lying, 0);
        refusesClaim(1, lying, 1, IRewardsDistributor.Overdrawn.selector, "beyond the total");
        assertEq(token.balanceOf(address(distributor)), 400, "the rest is held");
    }

    function test_paysWhomTheAccountNamed() external {
        uint256[] memory totals = four(10, 20, 0, 0);
        fund(50);
        post(1, totals);
        passDelay();
        address safe = address(0x5AFE);
        vm.prank(people[0]);
        distributor.setClaimer(safe);
        claim(1, totals, 0);
        claim(1, totals, 1);
        assertEq(token.balanceOf(safe), 10, "named");
        assertEq(token.balanceOf(people[1]), 20, "others are not moved");
        vm.prank(people[0]);
        distributor.setClaimer(address(0));
        uint256[] memory more = four(15, 20, 0, 0);
        post(2, more);
        passDelay();
        claim(2, more, 0);
        assertEq(token.balanceOf(people[0]), 5, "itself again");
    }

    function test_pauseStopsPostsAndClaimsAndNothingElse() external {
        uint256[] memory totals = four(10, 0, 0, 0);
        fund(20);
        post(1, totals);
        passDelay();
        post(2, totals);
        distributor.pause();
        refusesClaim(1, totals, 0, IRewardsDistributor.ContractPaused.selector, "a claim");
        refusesPost(3, keccak256("r"), 10, IRewardsDistributor.ContractPaused.selector, "a root");
        uint32 id = contest(2);
        distributor.resolveChallenge(id, true);
        distributor.unpause();
        claim(1, totals, 0);
    }

    function test_onlyTheAuthorityAdministers() external {
        bytes4 denied = IAccessManaged.AccessManagedUnauthorized.selector;
        bytes[8] memory calls = [
            abi.encodeCall(distributor.setPoster, (relayer)),
            abi.encodeCall(distributor.setConfirmer, (relayer)),
            abi.encodeCall(distributor.setTreasury, (relayer)),
            abi.encodeCall(distributor.setChallengeBond, (1)),
            abi.encodeCall(distributor.pause, ()),
            abi.encodeCall(distributor.unpause, ()),
            abi.encodeCall(distributor.disableRoot, (1)),
            abi.encodeCall(distributor.resolveChallenge, (1, true))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            refuses(poster, calls[i], denied, "the poster");
            refuses(relayer, calls[i], denied, "a stranger");
        }
        distributor.setPoster(relayer);
        assertEq(distributor.poster(), relayer, "the authority may");
        bytes memory free = abi.encodeCall(distributor.setChallengeBond, (0));
        refuses(address(this), free, IRewardsDistributor.ZeroBond.selector, "a challenge without stake");
        bytes memory nowhere = abi.encodeCall(distributor.setTreasury, (address(0)));
        refuses(address(this), nowhere, IRewardsDistributor.ZeroAddress.selector, "a treasury nowhere");
    }
}
