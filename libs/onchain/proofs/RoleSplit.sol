// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Splitting a fee by basis points gives it away to the last wei, and gives nobody too much.
/// @dev The largest-remainder rule of `splitExactly` for the four roles, for every fee and every vector of weights.
/// Which roles get the left-over units does not change the sums; what has to hold is that there are as many roles
/// with a remainder as units left over, so that nobody gets two and who has no weight gets none.
contract RoleSplit {
    uint256 private constant WHOLE = 10_000;

    function provePartsSumToTheFee(uint128 fee, uint16 a, uint16 b, uint16 c) external pure {
        require(uint256(a) + b + c <= WHOLE);
        uint256 x = uint256(fee) * a;
        uint256 y = uint256(fee) * b;
        uint256 z = uint256(fee) * c;
        // The fourth weight is what is left of the whole, so its product is what is left of the fee's.
        uint256 w = uint256(fee) * WHOLE - x - y - z;

        uint256 floors = x / WHOLE + y / WHOLE + z / WHOLE + w / WHOLE;
        assert(floors <= fee);
        uint256 left = fee - floors;
        uint256 remainders = x % WHOLE + y % WHOLE + z % WHOLE + w % WHOLE;
        assert(remainders == left * WHOLE);
        uint256 takers = sign(x % WHOLE) + sign(y % WHOLE) + sign(z % WHOLE) + sign(w % WHOLE);
        assert(left <= takers);
        assert(left <= 3);
        uint256 parts = floors + left;
        assert(parts == fee);
    }

    function sign(uint256 value) private pure returns (uint256) {
        return value == 0 ? 0 : 1;
    }
}
