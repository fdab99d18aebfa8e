// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {VestingWallet} from "@openzeppelin/contracts/finance/VestingWallet.sol";

/// @title A grant of OPEN that unlocks evenly, second by second, from `start` to `end`.
/// @notice Anyone may call `release`; the money goes to the owner. A waiting time is a later start. A grant with a
/// revoker, such as a team member's, can be stopped: what is vested stays, the rest goes back.
contract TokenVesting is VestingWallet {
    using SafeERC20 for IERC20;

    /// @notice The only token that can be revoked.
    IERC20 public immutable token;
    /// @notice May stop the grant, and receives what is not vested; the zero address for nobody.
    address public immutable revoker;
    /// @notice When the grant was stopped, in seconds; 0 while it runs.
    uint64 public revokedAt;

    /// @param returned What was not vested and went to the revoker, in wei.
    event Revoked(uint256 returned);

    error NotRevoker(address caller);
    error AlreadyRevoked(uint64 revokedAt);

    constructor(IERC20 token_, address beneficiary, uint64 start_, uint64 duration_, address revoker_)
        VestingWallet(beneficiary, start_, duration_)
    {
        token = token_;
        revoker = revoker_;
    }

    /// @notice Stops the grant.
    function revoke() external {
        if (msg.sender != revoker) revert NotRevoker(msg.sender);
        if (revokedAt != 0) revert AlreadyRevoked(revokedAt);
        uint256 returned = token.balanceOf(address(this)) - releasable(address(token));
        revokedAt = uint64(block.timestamp);
        emit Revoked(returned);
        token.safeTransfer(revoker, returned);
    }

    /// @dev What a stopped grant still holds is vested, all of it.
    function _vestingSchedule(uint256 totalAllocation, uint64 timestamp) internal view override returns (uint256) {
        return revokedAt != 0 ? totalAllocation : super._vestingSchedule(totalAllocation, timestamp);
    }
}
