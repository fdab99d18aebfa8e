// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token of fixed supply that compiles in a moment: each seeded bug compiles it again.
contract TestToken is ERC20("Test", "TEST") {
    constructor() {
        _mint(msg.sender, 1e27);
    }
}
