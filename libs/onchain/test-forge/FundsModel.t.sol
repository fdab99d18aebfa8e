// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardsDistributor} from "../contracts/RewardsDistributor.sol";
import {DistributorFunds} from "../proofs/DistributorFunds.sol";
import {RewardsFixture} from "./support/RewardsFixture.sol";

/// @title The proved model and the distributor, asked the same, answer the same.
/// @notice Roots have one leaf, whose amount has nothing to do with the root's total: the worst that a poster can do.
contract FundsModelTest is RewardsFixture {
    uint256 private constant STEPS = 40;
    address private constant PERSON = address(0xC0FFEE);

    DistributorFunds private model;
    mapping(uint40 epoch => uint256) private leaves;

    function setUp() public override {
        super.setUp();
        model = new DistributorFunds();
    }

    function testFuzz_theModelIsTheContract(uint256 seed) external {
        for (uint256 i; i < STEPS; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            step(dice % 8, dice >> 8);
            assertEq(distributor.totalClaimed(), model.claimed(), "claimed");
            assertEq(distributor.bonded(), model.bonded(), "bonded");
            assertEq(token.balanceOf(address(distributor)), model.held(), "held");
            (,, uint128 total,,) = distributor.roots(distributor.lastEpoch());
            assertEq(total, model.total(), "total");
        }
    }

    function step(uint256 kind, uint256 dice) private {
        if (kind == 0) {
            uint128 amount = uint128(dice % 100 ether);
            fund(amount);
            model.fund(amount);
        } else if (kind <= 2) {
            tryPost(dice);
        } else if (kind <= 4) {
            tryClaim(dice);
        } else if (kind == 5) {
            tryDisable(dice);
        } else if (kind == 6) {
            tryContest(dice);
        } else {
            vm.warp(block.timestamp + DELAY);
        }
    }

    /// @dev Around both ends of what is possible: what was promised or paid, and what is there beside the bonds.
    function tryPost(uint256 dice) private {
        uint256 middle = model.claimed() + model.held() - model.bonded();
        if (dice % 4 == 0) middle = model.claimed();
        else if (dice % 4 == 1) middle = model.total();
        uint256 total = middle + (dice >> 64) % (4 * BOND);
        total = total > 2 * BOND ? total - 2 * BOND : total;
        uint40 epoch = distributor.lastEpoch() + 1;
        uint256 leaf = total / 2 + (dice >> 128) % (total + 1);
        vm.prank(poster);
        bool isTaken = answers(
            address(distributor), abi.encodeCall(distributor.postRoot, (epoch, leafOf(leaf), total, MANIFEST))
        );
        bool isTakenByModel = answers(address(model), abi.encodeCall(model.post, (uint128(total))));
        assertTrue(isTaken == isTakenByModel, "post");
        if (isTaken) leaves[epoch] = leaf;
    }

    function tryClaim(uint256 dice) private {
        uint40 last = distributor.lastEpoch();
        if (last == 0) return;
        uint40 epoch = uint40(1 + dice % last);
        uint256 before = distributor.claimed(PERSON);
        // Times and repeated claims are not what the model is about.
        if (!distributor.isActive(epoch) || leaves[epoch] <= before) return;
        bytes memory call = abi.encodeCall(distributor.claim, (epoch, PERSON, leaves[epoch], new bytes32[](0)));
        bool isPaidByModel =
            answers(address(model), abi.encodeCall(model.claim, (uint128(leaves[epoch] - before))));
        assertTrue(answers(address(distributor), call) == isPaidByModel, "claim");
    }

    function tryDisable(uint256 dice) private {
        uint40 last = distributor.lastEpoch();
        if (last == 0 || distributor.isActive(last)) return;
        uint40 epoch = last - uint40(dice % 2);
        if (epoch == 0 || distributor.isActive(epoch)) return;
        distributor.disableRoot(epoch);
        fallBack();
    }

    /// @dev Opens a challenge, or decides the one that is open.
    function tryContest(uint256 dice) private {
        uint32 id = distributor.challengeCount();
        (, uint96 bond,, uint40 decideBy) = distributor.challenges(id);
        uint40 last = distributor.lastEpoch();
        if (bond == 0) {
            if (last == 0 || !isContestable(last)) return;
            contest(last);
            model.openChallenge(BOND);
            return;
        }
        bytes memory call = block.timestamp < decideBy
            ? abi.encodeCall(distributor.resolveChallenge, (id, dice % 2 == 0))
            : abi.encodeCall(distributor.expireChallenge, (id));
        // Its root may be gone already; then the bond is fetched back.
        if (!answers(address(distributor), call)) distributor.reclaimBond(id);
        model.closeChallenge(bond);
        fallBack();
    }

    function isContestable(uint40 epoch) private view returns (bool) {
        (,,, uint40 activatedAt, uint32 challenge) = distributor.roots(epoch);
        return block.timestamp < activatedAt && challenge == 0;
    }

    function fallBack() private {
        (,, uint128 total,,) = distributor.roots(distributor.lastEpoch());
        if (total != model.total()) model.disable(total);
    }

    function leafOf(uint256 total) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(PERSON, total))));
    }

    function answers(address to, bytes memory call) private returns (bool isAnswered) {
        (isAnswered,) = to.call(call);
    }
}
