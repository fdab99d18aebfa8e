// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title OPEN, the token that pays for inference and rewards contributors.
/// @notice The whole supply is minted once, to the grants given at deployment. Nobody can mint afterwards.
contract OpenToken is ERC20, ERC20Permit {
    /// @notice One allocation of the initial supply, in wei (1e-18 OPEN).
    struct Grant {
        address to;
        uint256 amount;
    }

    /// @notice Fixed supply in wei: one billion OPEN.
    uint256 public constant SUPPLY = 1e27;

    /// @dev Grants that leave a remainder, or overspend, are a mistake that could never be repaired later.
    error GrantsDoNotSumToSupply(uint256 granted, uint256 supply);

    constructor(Grant[] memory grants) ERC20("OpenLedger", "OPEN") ERC20Permit("OpenLedger") {
        uint256 granted;
        for (uint256 i; i < grants.length; ++i) {
            granted += grants[i].amount;
            _mint(grants[i].to, grants[i].amount);
        }
        if (granted != SUPPLY) revert GrantsDoNotSumToSupply(granted, SUPPLY);
    }
}
