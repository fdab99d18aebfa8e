// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What RewardsDistributor pays never exceeds what it was given for it; bonds are never part of it.
/// @dev Its accounting without keys, times and proofs: any amount may be asked for at any time, by leaves that sum to
/// anything. `FundsModel.t.sol` holds this model and the contract to the same answers.
contract DistributorFunds {
    uint256 public funded;
    uint256 public held;
    uint256 public bonded;
    uint256 public claimed;
    /// @dev Total of the newest root.
    uint256 public total;

    function fund(uint128 amount) external {
        funded += amount;
        held += amount;
        prove();
    }

    function post(uint128 next) external {
        require(next >= total && next >= claimed);
        require(next - claimed <= held - bonded);
        total = next;
        prove();
    }

    /// @dev Roots fall back to an earlier one, whose total is no larger.
    function disable(uint128 earlier) external {
        require(earlier <= total);
        total = earlier;
        prove();
    }

    function claim(uint128 amount) external {
        require(amount > 0);
        require(claimed + amount <= total);
        claimed += amount;
        held -= amount;
        prove();
    }

    function openChallenge(uint96 bond) external {
        bonded += bond;
        held += bond;
        prove();
    }

    function closeChallenge(uint96 bond) external {
        require(bond <= bonded);
        bonded -= bond;
        held -= bond;
        prove();
    }

    function prove() private view {
        assert(claimed <= funded);
        assert(total <= funded);
        assert(held == funded - claimed + bonded);
    }
}
