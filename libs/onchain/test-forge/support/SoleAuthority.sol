// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAuthority} from "@openzeppelin/contracts/access/manager/IAuthority.sol";

/// @title Lets its creator, and nobody else, call everything that is restricted.
contract SoleAuthority is IAuthority {
    address private immutable administrator = msg.sender;

    function canCall(address caller, address, bytes4) external view returns (bool allowed) {
        return caller == administrator;
    }
}
