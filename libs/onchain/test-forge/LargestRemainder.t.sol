// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LargestRemainder} from "./support/LargestRemainder.sol";
import {Test} from "./support/Test.sol";

/// @title The split in Solidity is the split in TypeScript: `src/split-vectors.spec.ts` reads the same file.
contract LargestRemainderTest is Test {
    string private vectors;

    function setUp() external {
        vectors = vm.readFile("test/fixtures/splits.json");
    }

    function test_splitsAsTheVectorsSay() external view {
        uint256 count;
        while (vm.keyExistsJson(vectors, at(count, ""))) {
            uint256 total = vm.parseJsonUint(vectors, at(count, ".total"));
            uint256[] memory weights = vm.parseJsonUintArray(vectors, at(count, ".weights"));
            uint256[] memory wanted = vm.parseJsonUintArray(vectors, at(count, ".parts"));
            uint256[] memory parts = LargestRemainder.split(total, weights);
            for (uint256 i; i < wanted.length; ++i) assertEq(parts[i], wanted[i], at(count, ""));
            ++count;
        }
        assertEq(count, 11, "vectors");
    }

    function test_splitsAmongTenThousand() external view {
        uint256[] memory weights = new uint256[](vm.parseJsonUint(vectors, ".many.count"));
        for (uint256 i; i < weights.length; ++i) weights[i] = uint32(uint256(keccak256(abi.encode(i))));
        uint256[] memory parts = LargestRemainder.split(vm.parseJsonUint(vectors, ".many.total"), weights);
        assertEq(keccak256(abi.encodePacked(parts)), vm.parseJsonBytes32(vectors, ".many.digest"), "parts");
    }

    /// I7: parts sum to the fee, none is a unit away from its share, and who has no weight gets nothing.
    function testFuzz_partsSumToTheTotal(uint128 total, uint64[] calldata given) external pure {
        if (given.length == 0) return;
        uint256[] memory weights = new uint256[](given.length);
        uint256 whole;
        for (uint256 i; i < given.length; ++i) whole += weights[i] = given[i];
        if (whole == 0) return;
        uint256[] memory parts = LargestRemainder.split(total, weights);
        uint256 sum;
        for (uint256 i; i < parts.length; ++i) {
            sum += parts[i];
            uint256 floor = uint256(total) * weights[i] / whole;
            assertTrue(parts[i] == floor || parts[i] == floor + 1, "within a unit");
            if (weights[i] == 0) assertEq(parts[i], 0, "nothing for nothing");
        }
        assertEq(sum, total, "I7: sum");
    }

    function at(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat(".vectors[", vm.toString(index), "]", field);
    }
}
