// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {OpenToken} from "../contracts/OpenToken.sol";
import {PrepaidVault} from "../contracts/PrepaidVault.sol";
import {Cheats, Test} from "./support/Test.sol";
import {Vm} from "./support/Vm.sol";

abstract contract VaultFixture is Cheats {
    address internal constant OPERATOR = address(0xA);
    address internal constant DISTRIBUTOR = address(0xD);
    OpenToken internal token;
    PrepaidVault internal vault;

    /// @dev The caller administrates.
    function deployVault() internal {
        OpenToken.Grant[] memory grants = new OpenToken.Grant[](1);
        grants[0] = OpenToken.Grant(address(this), 1e27);
        token = new OpenToken(grants);
        vault = new PrepaidVault(IERC20(address(token)), address(new AccessManager(address(this))), OPERATOR);
        token.approve(address(vault), type(uint256).max);
    }
}

contract PrepaidVaultTest is Test, VaultFixture {
    function setUp() external {
        deployVault();
        vault.setDistributor(DISTRIBUTOR, true);
    }

    function testFuzz_fundsWhatItHoldsAndNoMore(uint256 deposit, uint256 amount) external {
        deposit = bound(deposit, 1, 1e27);
        amount = bound(amount, 1, 2e27);
        vault.deposit(bytes32(uint256(7)), deposit);
        if (amount > deposit) {
            vm.expectRevert(abi.encodeWithSelector(PrepaidVault.ExceedsBalance.selector, amount, deposit));
        }
        vm.recordLogs();
        vm.prank(OPERATOR);
        vault.fund(DISTRIBUTOR, amount);
        uint256 moved = amount > deposit ? 0 : amount;
        assertEq(token.balanceOf(DISTRIBUTOR), moved, "moved");
        assertEq(vault.totalFunded(), moved, "counted");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (moved == 0) return;
        assertEq(logs[1].topics[0], PrepaidVault.Funded.selector, "told");
        assertEq(abi.decode(logs[1].data, (uint256)), moved, "C10: told what moved");
    }

    function testFuzz_onlyTheOperatorFunds(address caller) external {
        vm.assume(caller != OPERATOR);
        vault.deposit(bytes32(uint256(7)), 5 ether);
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(PrepaidVault.NotOperator.selector, caller));
        vault.fund(DISTRIBUTOR, 1 ether);
    }

    /// C11: keys and destinations change through the authority alone.
    function testFuzz_onlyTheAuthorityChangesKeysAndDestinations(address caller) external {
        vm.assume(caller != address(this));
        bytes memory refusal = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        vault.setOperator(caller);
        vm.expectRevert(refusal);
        vault.setDistributor(caller, true);
        vm.expectRevert(refusal);
        vault.setAuthority(caller);
        vm.stopPrank();
        vault.setOperator(address(0xB));
        assertEq(vault.operator(), address(0xB), "changed");
    }

    function test_refusesUnknownDistributorsAndNothing() external {
        vault.deposit(bytes32(uint256(7)), 5 ether);
        vm.startPrank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(PrepaidVault.UnknownDistributor.selector, OPERATOR));
        vault.fund(OPERATOR, 1 ether);
        vm.expectRevert(PrepaidVault.ZeroAmount.selector);
        vault.fund(DISTRIBUTOR, 0);
        vm.stopPrank();
        vault.setDistributor(DISTRIBUTOR, false);
        vm.prank(OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(PrepaidVault.UnknownDistributor.selector, DISTRIBUTOR));
        vault.fund(DISTRIBUTOR, 1 ether);
        vm.expectRevert(PrepaidVault.ZeroAmount.selector);
        vault.deposit(bytes32(uint256(7)), 0);
        vm.expectRevert(PrepaidVault.ZeroAccount.selector);
        vault.deposit(bytes32(0), 1);
    }
}

/// @title Payers, the escrow, the operator and strangers around one vault.
contract VaultHandler is Cheats {
    OpenToken private immutable token;
    PrepaidVault private immutable vault;
    address private immutable operator;
    address[2] public distributors;
    uint256 public deposited;
    uint256 public settled;
    uint256 public funded;
    bool public wasFundedByStranger;

    constructor(OpenToken token_, PrepaidVault vault_, address operator_, address[2] memory distributors_) {
        (token, vault, operator, distributors) = (token_, vault_, operator_, distributors_);
        token.approve(address(vault), type(uint256).max);
    }

    function deposit(bytes32 account, uint256 amount) external {
        if (account == bytes32(0)) return;
        amount = bound(amount, 1, 1e21);
        vault.deposit(account, amount);
        deposited += amount;
    }

    /// @dev A sweep of the escrow is a plain transfer.
    function settle(uint256 amount) external {
        amount = bound(amount, 1, 1e21);
        token.transfer(address(vault), amount);
        settled += amount;
    }

    function fund(uint256 which, uint256 amount) external {
        uint256 held = token.balanceOf(address(vault));
        if (held == 0) return;
        amount = bound(amount, 1, held);
        vm.prank(operator);
        vault.fund(distributors[which % 2], amount);
        funded += amount;
    }

    function steal(address caller, address to, uint256 amount) external {
        if (caller == operator) return;
        vm.prank(caller);
        try vault.fund(to, amount) {
            wasFundedByStranger = true;
        } catch {}
    }

    /// @dev A stolen operator key: it reaches approved distributors only.
    function misdirect(address to, uint256 amount) external {
        if (to == distributors[0] || to == distributors[1]) return;
        vm.prank(operator);
        try vault.fund(to, amount) {
            wasFundedByStranger = true;
        } catch {}
    }
}

/// forge-config: default.invariant.fail-on-revert = true
/// forge-config: ci.invariant.fail-on-revert = true
contract VaultInvariants is Test, VaultFixture {
    VaultHandler private handler;

    function setUp() external {
        deployVault();
        address[2] memory distributors = [DISTRIBUTOR, address(0xE)];
        for (uint256 i; i < 2; ++i) vault.setDistributor(distributors[i], true);
        handler = new VaultHandler(token, vault, OPERATOR, distributors);
        token.transfer(address(handler), 1e26);
        target(address(handler));
    }

    function invariant_C10_whatCameInIsHeldOrFunded() external view {
        assertEq(vault.totalDeposited(), handler.deposited(), "counted deposits");
        assertEq(vault.totalFunded(), handler.funded(), "counted funds");
        uint256 held = token.balanceOf(address(vault));
        assertEq(held + handler.funded(), handler.deposited() + handler.settled(), "in == held + out");
        uint256 received = token.balanceOf(handler.distributors(0)) + token.balanceOf(handler.distributors(1));
        assertEq(received, handler.funded(), "out == received by approved distributors");
        assertTrue(!handler.wasFundedByStranger(), "only the operator, only to approved distributors");
    }
}
