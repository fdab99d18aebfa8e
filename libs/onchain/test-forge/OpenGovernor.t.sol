// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {AttributionRegistry} from "../contracts/AttributionRegistry.sol";
import {IDelegatedVotes, OpenGovernor} from "../contracts/OpenGovernor.sol";
import {OpenToken} from "../contracts/OpenToken.sol";
import {Test} from "./support/Test.sol";

contract OpenGovernorTest is Test {
    address private constant WHALE = address(0xA1);
    address private constant VOTER = address(0xA2);
    address private constant SMALL = address(0xA3);
    address private constant GUARDIAN = address(0xA4);
    address private constant NEW_PUBLISHER = address(0xA5);

    OpenToken private token;
    TimelockController private timelock;
    OpenGovernor private governor;
    AttributionRegistry private registry;

    function setUp() public {
        vm.warp(1_800_000_000);
        OpenToken.Grant[] memory grants = new OpenToken.Grant[](3);
        grants[0] = OpenToken.Grant(WHALE, 98e25);
        grants[1] = OpenToken.Grant(VOTER, 1e25 + 9e24);
        grants[2] = OpenToken.Grant(SMALL, 1e24);
        token = new OpenToken(grants);
        address[] memory anyone = new address[](1);
        timelock = new TimelockController(2 days, new address[](0), anyone, address(this));
        governor = new OpenGovernor(
            IDelegatedVotes(address(token)), timelock, GUARDIAN, settings(2_500, 100)
        );
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(governor));
        AccessManager manager = new AccessManager(address(timelock));
        registry = new AttributionRegistry(address(manager), address(this));
    }

    /// @notice The larger of 25 % of the delegated votes and 1 % of the supply, whatever is burned.
    function testFuzz_quorumHasTwoBases(uint256 burned, bool delegated) external {
        burned = bound(burned, 0, 98e25);
        vm.startPrank(WHALE);
        token.burn(burned);
        if (delegated) token.delegate(WHALE);
        vm.stopPrank();
        delegate(VOTER);
        vm.warp(block.timestamp + 1);
        uint256 votes = token.balanceOf(VOTER) + (delegated ? token.balanceOf(WHALE) : 0);
        uint256 ofVotes = (votes + 3) / 4;
        uint256 ofSupply = (token.totalSupply() + 99) / 100;
        uint256 found = governor.quorum(block.timestamp - 1);
        assertEq(found, ofVotes > ofSupply ? ofVotes : ofSupply, "quorum");
        assertTrue(found * 100 >= token.totalSupply(), "never below the floor");
    }

    /// @notice Where little is delegated, a quarter of it would be cheap to buy: the floor holds.
    function test_cannotBeCapturedWhileFewTakePart() external {
        delegate(SMALL);
        vm.warp(block.timestamp + 1);
        uint256 proposal = propose(SMALL);
        vm.warp(block.timestamp + 1 days + 1);
        assertEq(governor.quorum(governor.proposalSnapshot(proposal)), 1e25, "1 % of the supply");
        vm.prank(SMALL);
        governor.castVote(proposal, 1);
        vm.warp(block.timestamp + 7 days + 1);
        assertEq(uint256(governor.state(proposal)), uint256(IGovernor.ProposalState.Defeated), "no quorum");
    }

    function test_belowTheThresholdNobodyProposes() external {
        vm.prank(SMALL);
        token.transfer(WHALE, 1);
        delegate(SMALL);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorInsufficientProposerVotes.selector, SMALL, uint256(1e24) - 1, uint256(1e24)
            )
        );
        propose(SMALL);
    }

    function test_votesBoughtAfterTheProposalDoNotCount() external {
        delegate(VOTER);
        vm.warp(block.timestamp + 1);
        uint256 proposal = propose(VOTER);
        vm.warp(block.timestamp + 1 days + 1);
        delegate(WHALE);
        vm.prank(WHALE);
        assertEq(governor.castVote(proposal, 0), 0, "named a delegate too late");
        vm.prank(VOTER);
        assertEq(governor.castVote(proposal, 1), 19e24, "had one in time");
    }

    function test_aLateQuorumKeepsTheVoteOpen() external {
        delegate(VOTER);
        vm.warp(block.timestamp + 1);
        uint256 proposal = propose(VOTER);
        uint256 deadline = governor.proposalDeadline(proposal);
        vm.warp(deadline - 1 hours);
        vm.prank(VOTER);
        governor.castVote(proposal, 1);
        assertEq(governor.proposalDeadline(proposal), deadline - 1 hours + 2 days, "extended");
    }

    function test_decidesWaitsAndActs() external {
        uint256 proposal = succeed();
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = change();
        bytes32 words = keccak256("change");
        vm.expectRevert();
        governor.execute(targets, values, calls, words);
        governor.queue(targets, values, calls, words);
        vm.warp(block.timestamp + 2 days - 1);
        vm.expectRevert();
        governor.execute(targets, values, calls, words);
        vm.warp(block.timestamp + 1);
        governor.execute(targets, values, calls, words);
        assertEq(registry.publisher(), NEW_PUBLISHER, "acted");
        assertEq(uint256(governor.state(proposal)), uint256(IGovernor.ProposalState.Executed), "state");
    }

    function test_theGuardianStopsAQueuedProposalAndNobodyElseDoes() external {
        uint256 proposal = succeed();
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = change();
        bytes32 words = keccak256("change");
        governor.queue(targets, values, calls, words);
        vm.prank(WHALE);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, proposal, WHALE)
        );
        governor.cancel(targets, values, calls, words);
        vm.prank(GUARDIAN);
        governor.cancel(targets, values, calls, words);
        vm.warp(block.timestamp + 3 days);
        vm.expectRevert();
        governor.execute(targets, values, calls, words);
        assertEq(registry.publisher(), address(this), "unchanged");
    }

    function test_refusesAQuorumOfNothing() external {
        uint16[2][3] memory wrong = [[uint16(0), 100], [uint16(2_500), 0], [uint16(10_001), 100]];
        for (uint256 i; i < wrong.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(OpenGovernor.InvalidQuorum.selector, wrong[i][0], wrong[i][1])
            );
            new OpenGovernor(
                IDelegatedVotes(address(token)), timelock, GUARDIAN, settings(wrong[i][0], wrong[i][1])
            );
        }
    }

    function succeed() private returns (uint256 proposal) {
        delegate(VOTER);
        vm.warp(block.timestamp + 1);
        proposal = propose(VOTER);
        vm.warp(block.timestamp + 1 days + 1);
        vm.prank(VOTER);
        governor.castVote(proposal, 1);
        vm.warp(block.timestamp + 7 days);
    }

    function delegate(address account) private {
        vm.prank(account);
        token.delegate(account);
    }

    function propose(address from) private returns (uint256) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = change();
        vm.prank(from);
        return governor.propose(targets, values, calls, "change");
    }

    function change() private view returns (address[] memory targets, uint256[] memory values, bytes[] memory calls) {
        targets = new address[](1);
        values = new uint256[](1);
        calls = new bytes[](1);
        targets[0] = address(registry);
        calls[0] = abi.encodeCall(AttributionRegistry.setPublisher, NEW_PUBLISHER);
    }

    function settings(uint16 delegatedBps, uint16 supplyBps) private pure returns (OpenGovernor.Settings memory) {
        return OpenGovernor.Settings(1 days, 7 days, 2 days, 1e24, delegatedBps, supplyBps);
    }
}
