// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A channel of InferenceEscrow gives its receiver at most what was signed and its payer the rest.
/// @dev Its accounting without keys and times: any row may be claimed whose ceiling was signed, any refund and
/// withdrawal asked for.
contract ChannelFunds {
    uint256 private deposited;
    uint256 private returned;
    /// @dev The highest ceiling that the payer ever signed.
    uint256 private signedMax;
    uint256 private balance;
    uint256 private claimed;
    uint256 private leaving;

    function deposit(uint112 amount) external {
        deposited += amount;
        balance += amount;
        prove();
    }

    function sign(uint128 ceiling) external {
        if (ceiling > signedMax) signedMax = ceiling;
        prove();
    }

    function claim(uint128 ceiling, uint128 total) external {
        require(ceiling <= signedMax);
        if (total <= claimed || total > ceiling || total > balance) return;
        uint256 before = claimed;
        claimed = total;
        assert(claimed > before);
        prove();
    }

    function refund(uint128 amount) external {
        uint256 paid = min(amount, balance - claimed);
        leaving -= min(paid, leaving);
        balance -= paid;
        returned += paid;
        prove();
    }

    function initiateWithdraw(uint128 amount) external {
        require(leaving == 0 && amount > 0 && amount <= balance - claimed);
        leaving = amount;
        prove();
    }

    function finalizeWithdraw() external {
        require(leaving > 0);
        uint256 amount = min(leaving, balance - claimed);
        assert(amount <= balance - claimed);
        leaving = 0;
        balance -= amount;
        returned += amount;
        prove();
    }

    function prove() private view {
        assert(claimed <= signedMax);
        assert(claimed <= balance);
        assert(balance == deposited - returned);
    }

    function min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
