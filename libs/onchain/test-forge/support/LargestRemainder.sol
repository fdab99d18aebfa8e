// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";

/// @title The rule by which fees are split off chain (`splitExactly`), for whoever checks a payout on chain.
/// @notice Shares are floored; the units left over go to the largest remainders, equal ones in the order given.
library LargestRemainder {
    uint256 private constant INDEX_BITS = 32;

    /// @param total below 2^128
    /// @param weights fewer than 2^32, each below 2^96, not all zero
    function split(uint256 total, uint256[] memory weights) internal pure returns (uint256[] memory parts) {
        uint256 sum;
        for (uint256 i; i < weights.length; ++i) sum += weights[i];
        uint256 left = total;
        parts = new uint256[](weights.length);
        uint256[] memory keys = new uint256[](weights.length);
        for (uint256 i; i < weights.length; ++i) {
            parts[i] = total * weights[i] / sum;
            left -= parts[i];
            // Descending by remainder, then ascending by index.
            keys[i] = mulmod(total, weights[i], sum) << INDEX_BITS | (type(uint32).max - i);
        }
        Arrays.sort(keys);
        for (uint256 i; i < left; ++i) {
            uint256 index = type(uint32).max - uint32(keys[keys.length - 1 - i]);
            parts[index] += 1;
        }
    }
}
