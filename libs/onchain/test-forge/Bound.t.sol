// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "./support/Test.sol";

contract BoundTest is Test {
    function testFuzz_staysInTheRangeAndKeepsWhatIsInIt(uint256 value, uint256 a, uint256 b) external pure {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        uint256 found = bound(value, low, high);
        assertTrue(found >= low && found <= high, "in the range");
        if (value >= low && value <= high) assertEq(found, value, "unchanged");
    }

    function test_takesTheWholeRange() external pure {
        assertEq(bound(type(uint256).max, 0, type(uint256).max), type(uint256).max, "whole range");
        assertEq(bound(0, 7, 7), 7, "range of one");
    }
}
