// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RewardsDistributor} from "../contracts/RewardsDistributor.sol";
import {RewardsHandler} from "./support/RewardsHandler.sol";
import {Test} from "./support/Test.sol";

/// forge-config: default.invariant.runs = 48
/// forge-config: default.invariant.depth = 160
/// forge-config: ci.invariant.runs = 128
/// forge-config: ci.invariant.depth = 500
/// @notice What holds of a distributor after anything that anyone does to it.
contract RewardsInvariantsTest is Test {
    RewardsHandler private handler;
    RewardsDistributor private distributor;
    address private treasury = address(0xA002);

    function setUp() external {
        vm.warp(1_700_000_000);
        address[] memory people = new address[](4);
        for (uint160 i = 0; i < 4; ++i) people[i] = address(0xB001 + i);
        handler = new RewardsHandler(treasury, people);
        distributor = handler.distributor();
        target(address(handler));
    }

    /// One walk checks all of them, for the walk costs more than the checks.
    function invariant_C1_C2_C10_E3_E5_rootsAreKeptAndPaidOutOfFunds() external view {
        _paysWhatWasPromisedOutOfWhatWasFunded();
        _holdsWhatItPromisesBesideTheBonds();
        _keepsActiveRootsAndFreezesContestedOnes();
    }

    /// C1, C2, C10: every account got what the books say and no more than an active root promised it; all of it was
    /// funded, and the contract holds the rest to the wei.
    function _paysWhatWasPromisedOutOfWhatWasFunded() private view {
        uint256 sum;
        for (uint256 i = 0; i < handler.headcount(); ++i) {
            address person = handler.people(i);
            uint256 paid = handler.paid(person);
            assertEq(distributor.claimed(person), paid, "C1: the books");
            assertEq(handler.token().balanceOf(person), paid, "C10: the wallet");
            assertLe(paid, handler.promised(person), "C1: the leaf");
            sum += paid;
        }
        assertEq(distributor.totalClaimed(), sum, "C2: the sum");
        assertLe(sum, handler.funded(), "C2: the funds");
        uint256 held = handler.token().balanceOf(address(distributor));
        assertEq(held, handler.funded() + handler.openBonds() - sum, "to the wei");
    }

    /// E3 and the bonds: what the newest root still promises is held beside every open bond.
    function _holdsWhatItPromisesBesideTheBonds() private view {
        assertEq(bytes(handler.broken()).length, 0, handler.broken());
        assertEq(distributor.bonded(), handler.openBonds(), "each bond is counted");
        assertEq(handler.token().balanceOf(treasury), handler.lost(), "lost bonds are with the treasury");
        (,, uint128 total,,) = distributor.roots(distributor.lastEpoch());
        uint256 claimed = distributor.totalClaimed();
        uint256 owed = total > claimed ? total - claimed : 0;
        assertLe(owed + distributor.bonded(), handler.token().balanceOf(address(distributor)), "E3: owed");
    }

    /// E5: a root that was active once stays, under its number, and nothing contested or disabled is active.
    function _keepsActiveRootsAndFreezesContestedOnes() private view {
        for (uint40 epoch = 1; epoch <= handler.settledUpTo(); ++epoch) {
            (bytes32 root,,,,) = distributor.roots(epoch);
            assertEq(root, handler.settled(epoch), "E5: another root");
            assertTrue(distributor.isActive(epoch), "E5: active for ever");
        }
        uint40 lowest;
        for (uint40 epoch = distributor.lastEpoch(); epoch > 0; --epoch) {
            (,,,, uint32 id) = distributor.roots(epoch);
            if (id != 0) lowest = epoch;
        }
        assertEq(distributor.contestedFrom(), lowest, "the lowest open challenge");
    }
}
