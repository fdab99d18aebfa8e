// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

/// @title Roots of what was attributed, and of Datanet versions, in order and without gaps.
/// @notice Each stream is a chain: an anchor covers the positions after the previous one's, and its head hashes
/// the previous head. Whoever knows a head knows that nothing before it was left out or exchanged.
contract AttributionRegistry is AccessManaged {
    struct Stream {
        /// keccak256 of (previous head, root, from, to, count, manifest); zero before the first anchor.
        bytes32 head;
        /// The first position that is not covered yet.
        uint64 next;
        /// Anchors so far.
        uint64 length;
    }

    struct Anchor {
        /// First position covered.
        uint64 from;
        /// The position after the last one covered.
        uint64 to;
        /// Leaves under the root.
        uint64 count;
        /// When it was anchored, in seconds; 0 for a root that is not.
        uint64 anchoredAt;
    }

    /// @notice May anchor roots.
    address public publisher;
    /// @notice The state of each stream.
    mapping(bytes32 stream => Stream) public streams;
    /// @notice Where in its stream a root is.
    mapping(bytes32 stream => mapping(bytes32 root => Anchor)) public anchors;

    /// @param index Number of the anchor in its stream, from 0.
    /// @param manifest Hash of the published data behind the root.
    /// @param previousHead Head of the stream before this anchor.
    event Anchored(
        bytes32 indexed stream,
        uint64 indexed index,
        bytes32 indexed root,
        uint64 from,
        uint64 to,
        uint64 count,
        bytes32 manifest,
        bytes32 previousHead,
        bytes32 head
    );
    event PublisherChanged(address indexed publisher);

    error NotPublisher(address caller);
    error EmptyAnchorRoot();
    error EmptyRange(uint64 from, uint64 to);
    error NoLeaves();
    error GapInStream(uint64 given, uint64 expected);
    error AlreadyAnchored(bytes32 root, uint64 anchoredAt);

    constructor(address authority_, address publisher_) AccessManaged(authority_) {
        publisher = publisher_;
        emit PublisherChanged(publisher_);
    }

    /// @notice Appends a root that covers positions `from` to `to` (exclusive) of a stream.
    function anchor(bytes32 stream, bytes32 root, uint64 from, uint64 to, uint64 count, bytes32 manifest)
        external
        returns (bytes32 head)
    {
        if (msg.sender != publisher) revert NotPublisher(msg.sender);
        if (root == bytes32(0)) revert EmptyAnchorRoot();
        if (to <= from) revert EmptyRange(from, to);
        if (count == 0) revert NoLeaves();
        Stream storage chain = streams[stream];
        if (from != chain.next) revert GapInStream(from, chain.next);
        uint64 anchoredAt = anchors[stream][root].anchoredAt;
        if (anchoredAt != 0) revert AlreadyAnchored(root, anchoredAt);

        bytes32 previousHead = chain.head;
        uint64 index = chain.length;
        head = keccak256(abi.encode(previousHead, root, from, to, count, manifest));
        streams[stream] = Stream(head, to, index + 1);
        anchors[stream][root] = Anchor(from, to, count, uint64(block.timestamp));
        emit Anchored(stream, index, root, from, to, count, manifest, previousHead, head);
    }

    /// @notice Names the key that may anchor.
    function setPublisher(address publisher_) external restricted {
        publisher = publisher_;
        emit PublisherChanged(publisher_);
    }
}
