// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRewardsDistributor} from "../../contracts/IRewardsDistributor.sol";
import {RewardsDistributor} from "../../contracts/RewardsDistributor.sol";
import {Leaves} from "./Leaves.sol";
import {SoleAuthority} from "./SoleAuthority.sol";
import {TestToken} from "./TestToken.sol";
import {Test} from "./Test.sol";

/// @title A distributor with a poster, a council that is the test itself, and four people.
abstract contract RewardsFixture is Test {
    uint40 internal constant DELAY = 2 days;
    uint40 internal constant WINDOW = 3 days;
    uint96 internal constant BOND = 50e18;
    bytes32 internal constant MANIFEST = keccak256("manifest");

    TestToken internal token;
    RewardsDistributor internal distributor;
    SoleAuthority internal authority;
    address internal poster = address(0xA001);
    address internal treasury = address(0xA002);
    address internal watcher = address(0xA003);
    address internal relayer = address(0xA004);
    address[] internal people;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        for (uint160 i = 1; i <= 4; ++i) people.push(address(0xB000 + i));
        token = new TestToken();
        authority = new SoleAuthority();
        distributor = deploy(address(0));
        token.transfer(watcher, 10_000e18);
        vm.prank(watcher);
        token.approve(address(distributor), type(uint256).max);
    }

    function deploy(address confirmer) internal returns (RewardsDistributor) {
        IRewardsDistributor.Settings memory settings =
            IRewardsDistributor.Settings(poster, confirmer, treasury, DELAY, WINDOW, BOND);
        return new RewardsDistributor(token, address(authority), settings);
    }

    function fund(uint256 amount) internal {
        token.transfer(address(distributor), amount);
    }

    function root(uint256[] memory totals) internal view returns (bytes32) {
        return Leaves.root(people, totals);
    }

    /// @dev Cumulative totals of the four people.
    function four(uint256 a, uint256 b, uint256 c, uint256 d) internal pure returns (uint256[] memory totals) {
        totals = new uint256[](4);
        (totals[0], totals[1], totals[2], totals[3]) = (a, b, c, d);
    }

    function sum(uint256[] memory totals) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < totals.length; ++i) total += totals[i];
    }

    function post(uint40 epoch, uint256[] memory totals) internal {
        vm.prank(poster);
        distributor.postRoot(epoch, root(totals), sum(totals), MANIFEST);
    }

    function claim(uint40 epoch, uint256[] memory totals, uint256 who) internal returns (uint256) {
        bytes32[] memory proof = Leaves.proof(people, totals, who);
        vm.prank(relayer);
        return distributor.claim(epoch, people[who], totals[who], proof);
    }

    function contest(uint40 epoch) internal returns (uint32) {
        (bytes32 posted,,,,) = distributor.roots(epoch);
        vm.prank(watcher);
        return distributor.challengeRoot(epoch, posted, keccak256("evidence"));
    }

    function passDelay() internal {
        vm.warp(block.timestamp + DELAY);
    }

    /// @dev The distributor refuses a call of `from` by exactly this error.
    function refuses(address from, bytes memory data, bytes4 selector, string memory what) internal {
        vm.prank(from);
        (bool ok, bytes memory answer) = address(distributor).call(data);
        assertTrue(!ok, string.concat(what, ": was accepted"));
        assertEq(bytes32(bytes4(answer)), bytes32(selector), what);
    }

    function refusesClaim(uint40 epoch, uint256[] memory totals, uint256 who, bytes4 selector, string memory what)
        internal
    {
        bytes32[] memory proof = Leaves.proof(people, totals, who);
        refuses(relayer, abi.encodeCall(distributor.claim, (epoch, people[who], totals[who], proof)), selector, what);
    }

    function refusesPost(uint40 epoch, bytes32 posted, uint256 total, bytes4 selector, string memory what) internal {
        refuses(poster, abi.encodeCall(distributor.postRoot, (epoch, posted, total, MANIFEST)), selector, what);
    }
}
