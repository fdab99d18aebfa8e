// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "../contracts/OpenToken.sol";
import {TokenVesting} from "../contracts/TokenVesting.sol";
import {Test} from "./support/Test.sol";

contract TokenVestingTest is Test {
    uint64 private constant GENESIS = 1_800_000_000;
    /// @dev A twelfth of 365.25 days.
    uint64 private constant MONTH = 2_629_800;
    uint256 private constant COMMUNITY = 517_100_000e18;
    uint256 private constant ECOSYSTEM = 100_000_000e18;
    uint256 private constant INVESTORS = 182_900_000e18;
    uint256 private constant TEAM = 150_000_000e18;
    uint256 private constant LIQUIDITY = 50_000_000e18;

    OpenToken private token;
    TokenVesting private community;
    TokenVesting private ecosystem;
    TokenVesting private investors;
    TokenVesting private team;
    address private constant BENEFICIARY = address(0xBE);
    address private constant TIMELOCK = address(0x71);

    function setUp() public {
        vm.warp(GENESIS);
        OpenToken.Grant[] memory grants = new OpenToken.Grant[](1);
        grants[0] = OpenToken.Grant(address(this), 1e27);
        token = new OpenToken(grants);
        community = wallet(GENESIS, 48, address(0), COMMUNITY);
        ecosystem = wallet(GENESIS, 48, address(0), ECOSYSTEM);
        investors = wallet(GENESIS + 12 * MONTH, 36, address(0), INVESTORS);
        team = wallet(GENESIS + 12 * MONTH, 36, TIMELOCK, TEAM);
    }

    function test_poolsAreTheSupply() external pure {
        assertEq(COMMUNITY + ECOSYSTEM + INVESTORS + TEAM + LIQUIDITY, 1e27, "supply");
    }

    /// @notice Each month's unlock, to the wei: released when due, it never drifts from the schedule.
    function test_unlocksMonthByMonth() external {
        uint256 last;
        for (uint256 month; month <= 50; ++month) {
            vm.warp(GENESIS + month * MONTH);
            released(community, share(COMMUNITY, month, 0, 48), "community");
            released(ecosystem, share(ECOSYSTEM, month, 0, 48), "ecosystem");
            released(investors, share(INVESTORS, month, 12, 36), "investors");
            released(team, share(TEAM, month, 12, 36), "team");
            last = token.balanceOf(BENEFICIARY);
        }
        assertEq(last, 1e27 - LIQUIDITY, "all of it, no wei left behind");
    }

    function test_nothingBeforeTheCliffEnds() external {
        vm.warp(GENESIS + 12 * MONTH);
        assertEq(investors.releasable(address(token)), 0, "at the cliff");
        vm.warp(GENESIS + 12 * MONTH + 1);
        assertEq(investors.releasable(address(token)), INVESTORS / (36 * MONTH), "one second later");
        vm.warp(GENESIS + 13 * MONTH);
        assertEq(investors.releasable(address(token)), INVESTORS / 36, "5.08 million a month");
    }

    function testFuzz_neverUnlocksLess(uint64 earlier, uint64 later) external {
        earlier = uint64(bound(earlier, GENESIS, GENESIS + 60 * MONTH));
        later = uint64(bound(later, earlier, GENESIS + 60 * MONTH));
        assertLe(team.vestedAmount(address(token), earlier), team.vestedAmount(address(token), later), "vested");
    }

    function testFuzz_revokingKeepsWhatIsVested(uint64 at, uint64 releasedAt) external {
        at = uint64(bound(at, GENESIS, GENESIS + 60 * MONTH));
        releasedAt = uint64(bound(releasedAt, GENESIS, at));
        vm.warp(releasedAt);
        team.release(address(token));
        vm.warp(at);
        uint256 vested = team.vestedAmount(address(token), at);
        vm.prank(TIMELOCK);
        team.revoke();
        assertEq(token.balanceOf(TIMELOCK), TEAM - vested, "the rest goes back");
        team.release(address(token));
        assertEq(token.balanceOf(BENEFICIARY), vested, "what was vested is paid");
        assertEq(token.balanceOf(address(team)), 0, "nothing stays");
        vm.warp(at + 10 * MONTH);
        assertEq(team.releasable(address(token)), 0, "nothing vests afterwards");
    }

    function test_onlyTheRevokerRevokesAndOnce() external {
        vm.expectRevert(abi.encodeWithSelector(TokenVesting.NotRevoker.selector, address(this)));
        team.revoke();
        vm.startPrank(TIMELOCK);
        vm.expectRevert(abi.encodeWithSelector(TokenVesting.NotRevoker.selector, TIMELOCK));
        investors.revoke();
        team.revoke();
        vm.expectRevert(abi.encodeWithSelector(TokenVesting.AlreadyRevoked.selector, uint64(block.timestamp)));
        team.revoke();
    }

    function released(TokenVesting from, uint256 wanted, string memory pool) private {
        uint256 before = token.balanceOf(BENEFICIARY);
        uint256 already = from.released(address(token));
        from.release(address(token));
        assertEq(already + token.balanceOf(BENEFICIARY) - before, wanted, pool);
    }

    function share(uint256 amount, uint256 month, uint256 cliff, uint256 months) private pure returns (uint256) {
        if (month <= cliff) return 0;
        uint256 elapsed = month - cliff < months ? month - cliff : months;
        return amount * elapsed / months;
    }

    function wallet(uint64 start, uint64 months, address revoker, uint256 amount) private returns (TokenVesting made) {
        made = new TokenVesting(token, BENEFICIARY, start, months * MONTH, revoker);
        token.transfer(address(made), amount);
    }
}
