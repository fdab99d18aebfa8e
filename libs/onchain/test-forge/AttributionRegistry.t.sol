// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {AttributionRegistry} from "../contracts/AttributionRegistry.sol";
import {Cheats, Test} from "./support/Test.sol";

/// @dev Anchors ranges, right and wrong ones, and folds the accepted ones itself.
contract AnchorHandler is Cheats {
    AttributionRegistry public immutable registry;
    mapping(uint256 stream => bytes32) public head;
    mapping(uint256 stream => uint64) public next;
    mapping(uint256 stream => uint64) public length;
    uint256 public accepted;

    constructor() {
        registry = new AttributionRegistry(address(this), address(this));
    }

    function anchor(uint256 stream, uint64 gap, uint64 size, uint8 root) external {
        stream %= 3;
        // Mostly gap-free; sometimes one position off, either way.
        uint64 from = next[stream];
        if (gap % 8 == 0) from += 1;
        else if (gap % 8 == 1 && from > 0) from -= 1;
        uint64 to = from + uint64(bound(size, 0, 1_000));
        bytes32 hash = keccak256(abi.encode(root % 64));
        try registry.anchor(bytes32(stream), hash, from, to, 1, bytes32(uint256(root))) {
            require(from == next[stream] && to > from, "accepted a gap");
            head[stream] = keccak256(abi.encode(head[stream], hash, from, to, uint64(1), bytes32(uint256(root))));
            next[stream] = to;
            length[stream] += 1;
            accepted += 1;
        } catch {}
    }
}

contract AttributionRegistryInvariants is Test {
    AnchorHandler private handler;

    function setUp() public {
        handler = new AnchorHandler();
        target(address(handler));
    }

    function invariant_streamsAreGapFreeChains() external view {
        for (uint256 stream; stream < 3; ++stream) {
            (bytes32 head, uint64 next, uint64 length) = handler.registry().streams(bytes32(stream));
            assertEq(head, handler.head(stream), "head");
            assertEq(next, handler.next(stream), "next");
            assertEq(length, handler.length(stream), "length");
        }
    }
}

contract AttributionRegistryTest is Test {
    bytes32 private constant STREAM = keccak256("stream");
    address private constant PUBLISHER = address(0xB0B);
    AccessManager private manager;
    AttributionRegistry private registry;

    function setUp() public {
        manager = new AccessManager(address(this));
        registry = new AttributionRegistry(address(manager), PUBLISHER);
        vm.warp(1_000_000);
        vm.startPrank(PUBLISHER);
        registry.anchor(STREAM, "first", 0, 10, 7, "manifest");
        vm.stopPrank();
    }

    function test_rememberWhatARootCovers() external view {
        (uint64 from, uint64 to, uint64 count, uint64 anchoredAt) = registry.anchors(STREAM, "first");
        assertEq(from, 0, "from");
        assertEq(to, 10, "to");
        assertEq(count, 7, "count");
        assertEq(anchoredAt, 1_000_000, "time");
        (,,, anchoredAt) = registry.anchors(STREAM, "other");
        assertEq(anchoredAt, 0, "not anchored");
    }

    function test_chainsHeads() external {
        (bytes32 before,,) = registry.streams(STREAM);
        vm.prank(PUBLISHER);
        bytes32 head = registry.anchor(STREAM, "second", 10, 11, 1, "more");
        bytes32 wanted =
            keccak256(abi.encode(before, bytes32("second"), uint64(10), uint64(11), uint64(1), bytes32("more")));
        assertEq(head, wanted, "head");
    }

    function test_streamsDoNotMix() external {
        vm.prank(PUBLISHER);
        registry.anchor(keccak256("another"), "first", 0, 1, 1, "manifest");
        (, uint64 next,) = registry.streams(STREAM);
        assertEq(next, 10, "untouched");
    }

    function test_refusesGapsOverlapsAndDuplicates() external {
        vm.startPrank(PUBLISHER);
        vm.expectRevert(abi.encodeWithSelector(AttributionRegistry.GapInStream.selector, 11, 10));
        registry.anchor(STREAM, "second", 11, 20, 1, "");
        vm.expectRevert(abi.encodeWithSelector(AttributionRegistry.GapInStream.selector, 9, 10));
        registry.anchor(STREAM, "second", 9, 20, 1, "");
        vm.expectRevert(abi.encodeWithSelector(AttributionRegistry.AlreadyAnchored.selector, bytes32("first"), 1e6));
        registry.anchor(STREAM, "first", 10, 20, 1, "");
        vm.expectRevert(abi.encodeWithSelector(AttributionRegistry.EmptyRange.selector, 10, 10));
        registry.anchor(STREAM, "second", 10, 10, 1, "");
        vm.expectRevert(AttributionRegistry.NoLeaves.selector);
        registry.anchor(STREAM, "second", 10, 11, 0, "");
        vm.expectRevert(AttributionRegistry.EmptyAnchorRoot.selector);
        registry.anchor(STREAM, 0, 10, 11, 1, "");
    }

    function test_onlyThePublisherAnchorsAndOnlyTheAuthorityNamesIt() external {
        vm.expectRevert(abi.encodeWithSelector(AttributionRegistry.NotPublisher.selector, address(this)));
        registry.anchor(STREAM, "second", 10, 11, 1, "");
        vm.prank(PUBLISHER);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, PUBLISHER));
        registry.setPublisher(PUBLISHER);
        registry.setPublisher(address(this));
        registry.anchor(STREAM, "second", 10, 11, 1, "");
    }
}
