// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @title Cheat codes and bounds, for tests and for handlers of invariants.
abstract contract Cheats {
    /// @dev Where forge answers: the low 20 bytes of keccak256("hevm cheat code").
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev Maps any `value` into [low, high].
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        require(low <= high, "bound: low > high");
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1;
        // The whole range has 2^256 values, which overflows to a size of 0; every value is inside it.
        return size == 0 ? value : low + (value % size);
    }

    function named(string memory name) internal returns (address account, uint256 key) {
        key = uint256(keccak256(bytes(name)));
        account = vm.addr(key);
        vm.label(account, name);
    }
}

/// @title Assertions that say what they found.
/// @notice `test…` runs once or, with parameters, fuzzed; `invariant…` after each call to `targetContracts()`.
abstract contract Test is Cheats {
    bool public constant IS_TEST = true;

    address[] private targets;

    error Unequal(string what, uint256 found, uint256 wanted);
    error UnequalBytes(string what, bytes32 found, bytes32 wanted);
    error UnequalAddress(string what, address found, address wanted);
    error TooLarge(string what, uint256 found, uint256 limit);
    error Untrue(string what);

    /// @notice Forge calls these, and only these, at random.
    function targetContracts() external view returns (address[] memory) {
        return targets;
    }

    function target(address handler) internal {
        targets.push(handler);
    }

    function assertEq(uint256 found, uint256 wanted, string memory what) internal pure {
        if (found != wanted) revert Unequal(what, found, wanted);
    }

    function assertEq(bytes32 found, bytes32 wanted, string memory what) internal pure {
        if (found != wanted) revert UnequalBytes(what, found, wanted);
    }

    function assertEq(address found, address wanted, string memory what) internal pure {
        if (found != wanted) revert UnequalAddress(what, found, wanted);
    }

    function assertLe(uint256 found, uint256 limit, string memory what) internal pure {
        if (found > limit) revert TooLarge(what, found, limit);
    }

    function assertTrue(bool found, string memory what) internal pure {
        if (!found) revert Untrue(what);
    }
}
