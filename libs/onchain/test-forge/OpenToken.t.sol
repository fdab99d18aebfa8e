// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OpenToken} from "../contracts/OpenToken.sol";
import {Cheats, Test} from "./support/Test.sol";

/// @dev Moves, burns and delegates among a few accounts, and keeps what the token should say.
contract VotesHandler is Cheats {
    uint256 private constant ACCOUNTS = 5;
    OpenToken public immutable token;
    uint256 public burned;

    constructor() {
        OpenToken.Grant[] memory grants = new OpenToken.Grant[](ACCOUNTS);
        for (uint256 i; i < ACCOUNTS; ++i) grants[i] = OpenToken.Grant(account(i), 2e26);
        token = new OpenToken(grants);
        vm.warp(1_000_000);
    }

    function account(uint256 seed) public pure returns (address) {
        return address(uint160(0xA0 + (seed % ACCOUNTS)));
    }

    function transfer(uint256 from, uint256 to, uint256 amount) external {
        amount = bound(amount, 0, token.balanceOf(account(from)));
        vm.prank(account(from));
        token.transfer(account(to), amount);
    }

    function burn(uint256 from, uint256 amount) external {
        amount = bound(amount, 0, token.balanceOf(account(from)) / 4);
        vm.prank(account(from));
        token.burn(amount);
        burned += amount;
    }

    /// @dev One time in six nobody is named, which takes the votes back.
    function delegate(uint256 from, uint256 to) external {
        vm.prank(account(from));
        token.delegate(to % 6 == 5 ? address(0) : account(to));
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 1 days));
    }

    function sumOfBalances() external view returns (uint256 sum) {
        for (uint256 i; i < ACCOUNTS; ++i) sum += token.balanceOf(account(i));
    }

    function sumOfVotes() external view returns (uint256 sum) {
        for (uint256 i; i < ACCOUNTS; ++i) sum += token.getVotes(account(i));
    }

    function sumOfPastVotes(uint256 timepoint) external view returns (uint256 sum) {
        for (uint256 i; i < ACCOUNTS; ++i) sum += token.getPastVotes(account(i), timepoint);
    }

    function heldByDelegators() external view returns (uint256 sum) {
        for (uint256 i; i < ACCOUNTS; ++i) {
            if (token.delegates(account(i)) != address(0)) sum += token.balanceOf(account(i));
        }
    }
}

contract OpenTokenInvariants is Test {
    VotesHandler private handler;
    OpenToken private token;

    function setUp() public {
        handler = new VotesHandler();
        token = handler.token();
        target(address(handler));
    }

    /// @notice C8: the supply only ever falls, by what was burned.
    function invariant_C8_supplyIsConstantExceptBurns() external view {
        assertEq(token.totalSupply(), token.SUPPLY() - handler.burned(), "supply");
        assertEq(handler.sumOfBalances(), token.totalSupply(), "balances");
    }

    function invariant_totalDelegatedIsTheSumOfVotes() external view {
        assertEq(token.totalDelegated(), handler.sumOfVotes(), "votes");
        assertEq(token.totalDelegated(), handler.heldByDelegators(), "balances of those with a delegate");
    }

    function invariant_pastTotalIsTheSumOfPastVotes() external view {
        for (uint256 back = 1; back <= 2 days; back *= 60) {
            if (block.timestamp <= back) return;
            uint256 timepoint = block.timestamp - back;
            assertEq(token.getPastTotalDelegated(timepoint), handler.sumOfPastVotes(timepoint), "past votes");
        }
    }
}

contract OpenTokenTest is Test {
    bytes32 private constant TRANSFER = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    OpenToken private token;
    address private alice;
    uint256 private aliceKey;
    address private bob;

    function setUp() public {
        (alice, aliceKey) = named("alice");
        (bob,) = named("bob");
        token = new OpenToken(all(alice));
        vm.warp(1_000_000);
    }

    function test_isOpen() external view {
        assertEq(keccak256(bytes(token.symbol())), keccak256("OPEN"), "symbol");
        assertEq(token.decimals(), 18, "decimals");
        assertEq(token.totalSupply(), 1e27, "supply");
        assertEq(keccak256(bytes(token.CLOCK_MODE())), keccak256("mode=timestamp"), "clock mode");
        assertEq(token.clock(), block.timestamp, "clock");
    }

    function testFuzz_mintsExactlyTheSupply(uint256 first, uint256 second) external {
        first = bound(first, 0, 2e27);
        second = bound(second, 0, 2e27);
        OpenToken.Grant[] memory grants = new OpenToken.Grant[](2);
        grants[0] = OpenToken.Grant(alice, first);
        grants[1] = OpenToken.Grant(bob, second);
        if (first + second != 1e27) {
            vm.expectRevert(
                abi.encodeWithSelector(OpenToken.GrantsDoNotSumToSupply.selector, first + second, 1e27)
            );
        }
        new OpenToken(grants);
    }

    function test_refusesGrantsThatLackOneWei() external {
        OpenToken.Grant[] memory grants = all(alice);
        grants[0].amount -= 1;
        vm.expectRevert(abi.encodeWithSelector(OpenToken.GrantsDoNotSumToSupply.selector, 1e27 - 1, 1e27));
        new OpenToken(grants);
    }

    function test_countsVotesOnlyOnceADelegateIsNamed() external {
        assertEq(token.totalDelegated(), 0, "nobody yet");
        vm.prank(alice);
        token.delegate(bob);
        assertEq(token.totalDelegated(), 1e27, "all of it");
        assertEq(token.getVotes(bob), 1e27, "bob votes");
        vm.prank(alice);
        token.transfer(bob, 4e26);
        assertEq(token.totalDelegated(), 6e26, "bob himself named nobody");
        vm.prank(alice);
        token.delegate(address(0));
        assertEq(token.totalDelegated(), 0, "taken back");
        vm.warp(block.timestamp + 1);
        assertEq(token.getPastTotalDelegated(block.timestamp - 1), 0, "last value of a second counts");
        vm.expectRevert();
        token.getPastTotalDelegated(block.timestamp);
    }

    function test_permitsByOneSignature() external {
        bytes32 message = keccak256(abi.encode(PERMIT, alice, bob, 5e18, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(aliceKey, digest(message));
        token.permit(alice, bob, 5e18, block.timestamp, v, r, s);
        assertEq(token.allowance(alice, bob), 5e18, "allowance");
        vm.expectRevert();
        token.permit(alice, bob, 5e18, block.timestamp, v, r, s);
    }

    function testFuzz_transfersOnceByAuthorization(bytes32 nonce, uint256 amount) external {
        amount = bound(amount, 0, 1e27);
        bytes memory signature = authorization(TRANSFER, amount, nonce);
        token.transferWithAuthorization(alice, bob, amount, 0, block.timestamp + 1, nonce, signature);
        assertEq(token.balanceOf(bob), amount, "moved");
        assertTrue(token.authorizationState(alice, nonce), "nonce used");
        vm.expectRevert();
        token.transferWithAuthorization(alice, bob, amount, 0, block.timestamp + 1, nonce, signature);
    }

    /// @notice Random nonces of an authorization never touch the counted nonce of permits and votes.
    function test_authorizationLeavesPermitsAlone() external {
        bytes memory signature = authorization(TRANSFER, 1, bytes32(0));
        token.transferWithAuthorization(alice, bob, 1, 0, block.timestamp + 1, bytes32(0), signature);
        assertEq(token.nonces(alice), 0, "permit nonce");
    }

    function test_refusesAuthorizationsOutOfTimeAltered() external {
        bytes memory signature = authorization(TRANSFER, 7, bytes32("n"));
        vm.expectRevert();
        token.transferWithAuthorization(alice, bob, 8, 0, block.timestamp + 1, bytes32("n"), signature);
        vm.warp(block.timestamp + 1);
        vm.expectRevert();
        token.transferWithAuthorization(alice, bob, 7, 0, block.timestamp, bytes32("n"), signature);
        assertEq(token.balanceOf(bob), 0, "nothing moved");
    }

    function test_onlyTheRecipientReceivesByAuthorization() external {
        bytes memory signature = authorization(RECEIVE, 7, bytes32("n"));
        vm.expectRevert();
        token.receiveWithAuthorization(alice, bob, 7, 0, block.timestamp + 1, bytes32("n"), signature);
        vm.prank(bob);
        token.receiveWithAuthorization(alice, bob, 7, 0, block.timestamp + 1, bytes32("n"), signature);
        assertEq(token.balanceOf(bob), 7, "received");
    }

    function test_cancelsAnAuthorization() external {
        bytes32 nonce = bytes32("n");
        token.cancelAuthorization(alice, nonce, sign(keccak256(abi.encode(CANCEL, alice, nonce))));
        bytes memory signature = authorization(TRANSFER, 7, nonce);
        vm.expectRevert();
        token.transferWithAuthorization(alice, bob, 7, 0, block.timestamp + 1, nonce, signature);
    }

    function authorization(bytes32 kind, uint256 amount, bytes32 nonce) private view returns (bytes memory) {
        return sign(keccak256(abi.encode(kind, alice, bob, amount, 0, block.timestamp + 1, nonce)));
    }

    function sign(bytes32 message) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(aliceKey, digest(message));
        return abi.encodePacked(r, s, v);
    }

    function digest(bytes32 message) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), message));
    }

    function all(address to) private pure returns (OpenToken.Grant[] memory grants) {
        grants = new OpenToken.Grant[](1);
        grants[0] = OpenToken.Grant(to, 1e27);
    }
}
