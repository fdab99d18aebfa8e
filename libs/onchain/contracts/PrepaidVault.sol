// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

/// @title Holds what payers prepay for inference, and what the escrow settled for it.
/// @notice Money leaves only towards a distributor that the authority approved, so a stolen operator key can
/// neither redirect deposits nor spend more than the vault holds.
contract PrepaidVault is AccessManaged {
    using SafeERC20 for IERC20;

    /// @notice The token held.
    IERC20 public immutable token;
    /// @notice May move earned money to approved distributors.
    address public operator;
    /// @notice Distributors that may receive money.
    mapping(address distributor => bool) public isDistributor;
    /// @notice Everything ever deposited here, in wei; what the escrow settled is not part of it.
    uint256 public totalDeposited;
    /// @notice Everything ever moved to distributors, in wei.
    uint256 public totalFunded;

    /// @param account The payer: the organisation's UUID in the low 16 bytes.
    event Deposited(bytes32 indexed account, address indexed from, uint256 amount);
    event Funded(address indexed distributor, uint256 amount);
    event OperatorChanged(address indexed operator);
    event DistributorChanged(address indexed distributor, bool approved);

    error ZeroAmount();
    error ZeroAccount();
    error NotOperator(address caller);
    error UnknownDistributor(address given);
    error ExceedsBalance(uint256 wanted, uint256 held);

    constructor(IERC20 token_, address authority_, address operator_) AccessManaged(authority_) {
        token = token_;
        operator = operator_;
        emit OperatorChanged(operator_);
    }

    /// @notice Prepays for `account`; needs an allowance of `amount`.
    function deposit(bytes32 account, uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        if (account == bytes32(0)) revert ZeroAccount();
        totalDeposited += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(account, msg.sender, amount);
    }

    /// @notice Moves an epoch's earned money to an approved distributor.
    function fund(address distributor, uint256 amount) external {
        if (msg.sender != operator) revert NotOperator(msg.sender);
        if (!isDistributor[distributor]) revert UnknownDistributor(distributor);
        if (amount == 0) revert ZeroAmount();
        uint256 held = token.balanceOf(address(this));
        if (amount > held) revert ExceedsBalance(amount, held);
        totalFunded += amount;
        token.safeTransfer(distributor, amount);
        emit Funded(distributor, amount);
    }

    /// @notice Names the key that may call `fund`.
    function setOperator(address operator_) external restricted {
        operator = operator_;
        emit OperatorChanged(operator_);
    }

    /// @notice Approves a distributor, or withdraws the approval.
    function setDistributor(address distributor, bool approved) external restricted {
        isDistributor[distributor] = approved;
        emit DistributorChanged(distributor, approved);
    }
}
