// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title Merkle trees of (account, total), small enough to be built in a test.
library Leaves {
    function hash(address account, uint256 total) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(account, total))));
    }

    function root(address[] memory accounts, uint256[] memory totals) internal pure returns (bytes32) {
        bytes32[] memory level = _level(accounts, totals);
        while (level.length > 1) level = _up(level);
        return level[0];
    }

    function proof(address[] memory accounts, uint256[] memory totals, uint256 index)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        bytes32[] memory level = _level(accounts, totals);
        siblings = new bytes32[](0);
        while (level.length > 1) {
            uint256 sibling = index ^ 1;
            // The last of an odd level goes up alone.
            if (sibling < level.length) siblings = _append(siblings, level[sibling]);
            level = _up(level);
            index /= 2;
        }
    }

    function _level(address[] memory accounts, uint256[] memory totals) private pure returns (bytes32[] memory level) {
        level = new bytes32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) level[i] = hash(accounts[i], totals[i]);
    }

    function _up(bytes32[] memory level) private pure returns (bytes32[] memory next) {
        next = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < next.length; ++i) {
            bool alone = 2 * i + 1 == level.length;
            next[i] = alone ? level[2 * i] : Hashes.commutativeKeccak256(level[2 * i], level[2 * i + 1]);
        }
    }

    function _append(bytes32[] memory list, bytes32 item) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) longer[i] = list[i];
        longer[list.length] = item;
    }
}
