// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorProposalGuardian} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @dev What the quorum reads of the token besides votes.
interface IDelegatedVotes is IERC5805 {
    function getPastTotalDelegated(uint256 timepoint) external view returns (uint256);
}

/// @title Decides by votes of OPEN; a decision passes through the timelock before it acts.
/// @notice The quorum has two bases: a part of the votes that are delegated, so that it grows with those who take
/// part, and a part of the supply, so that it cannot be captured while few do.
contract OpenGovernor is
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotes,
    GovernorTimelockControl,
    GovernorPreventLateQuorum,
    GovernorProposalGuardian
{
    struct Settings {
        /// Seconds between a proposal and its vote.
        uint48 votingDelay;
        /// Seconds that a vote is open.
        uint32 votingPeriod;
        /// Seconds that a vote stays open after the quorum was reached late.
        uint48 lateQuorumExtension;
        /// Votes needed to propose, in wei.
        uint256 proposalThreshold;
        /// Part of the delegated votes that a quorum needs, in basis points.
        uint16 quorumDelegatedBps;
        /// Part of the supply that a quorum needs at least, in basis points.
        uint16 quorumSupplyBps;
    }

    uint256 private constant BPS = 10_000;

    /// @notice Part of the delegated votes that a quorum needs, in basis points.
    uint16 public immutable quorumDelegatedBps;
    /// @notice Part of the supply that a quorum needs at least, in basis points.
    uint16 public immutable quorumSupplyBps;

    error InvalidQuorum(uint16 delegatedBps, uint16 supplyBps);

    /// @param guardian May cancel a proposal until it is executed; the zero address for nobody.
    constructor(IDelegatedVotes token_, TimelockController timelock_, address guardian, Settings memory settings)
        Governor("OpenGovernor")
        GovernorSettings(settings.votingDelay, settings.votingPeriod, settings.proposalThreshold)
        GovernorVotes(token_)
        GovernorTimelockControl(timelock_)
        GovernorPreventLateQuorum(settings.lateQuorumExtension)
    {
        uint16 delegatedBps = settings.quorumDelegatedBps;
        uint16 supplyBps = settings.quorumSupplyBps;
        if (delegatedBps == 0 || delegatedBps > BPS || supplyBps == 0 || supplyBps > BPS) {
            revert InvalidQuorum(delegatedBps, supplyBps);
        }
        quorumDelegatedBps = delegatedBps;
        quorumSupplyBps = supplyBps;
        _setProposalGuardian(guardian);
    }

    /// @notice Votes for or abstaining that a proposal of that time needs, in wei; rounded up.
    function quorum(uint256 timepoint) public view override returns (uint256) {
        uint256 delegated = IDelegatedVotes(address(token())).getPastTotalDelegated(timepoint);
        return Math.max(
            Math.mulDiv(delegated, quorumDelegatedBps, BPS, Math.Rounding.Ceil),
            Math.mulDiv(token().getPastTotalSupply(timepoint), quorumSupplyBps, BPS, Math.Rounding.Ceil)
        );
    }

    /// @inheritdoc GovernorSettings
    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    /// @inheritdoc GovernorPreventLateQuorum
    function proposalDeadline(uint256 proposalId)
        public
        view
        override(Governor, GovernorPreventLateQuorum)
        returns (uint256)
    {
        return super.proposalDeadline(proposalId);
    }

    /// @inheritdoc GovernorTimelockControl
    function state(uint256 proposalId) public view override(Governor, GovernorTimelockControl) returns (ProposalState) {
        return super.state(proposalId);
    }

    /// @inheritdoc GovernorTimelockControl
    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }

    function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(proposalId);
    }

    function _validateCancel(uint256 proposalId, address caller)
        internal
        view
        override(Governor, GovernorProposalGuardian)
        returns (bool)
    {
        return super._validateCancel(proposalId, caller);
    }
}
