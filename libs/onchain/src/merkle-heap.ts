import { invariant } from '@openledger/kernel';
import { KECCAK_RESERVED_BYTES, keccakModule, roundConstants } from './keccak-module.js';

export const HASH_BYTES = 32;
/** A leaf before hashing: two words of 32 bytes. */
export const BLOCK_BYTES = 64;
const PAGE_BYTES = 65_536;
/** Blocks hashed at a time; their buffer lies between the round constants and the heap. */
const BLOCKS = 4_096;
const SCRATCH = KECCAK_RESERVED_BYTES;
const HASHES = SCRATCH + BLOCKS * BLOCK_BYTES;
const HEAP = HASHES + BLOCKS * HASH_BYTES;
/** 4 GiB of WebAssembly memory hold as many leaves, two nodes of 32 bytes for each. */
export const LEAVES_MAX = 50_000_000;

/** What of the JavaScript API of WebAssembly is used here: only TypeScript's library of browsers declares it. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Memory {
    constructor(pages: { initial: number; maximum: number });
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: Record<string, unknown>;
  }
}

interface Kernel {
  readonly leaves: (from: number, end: number, out: number) => void;
  readonly nodes: (tree: number, last: number) => void;
}

const KERNEL = new WebAssembly.Module(keccakModule());

/**
 * The hashes of a Merkle tree as one heap in WebAssembly memory: the root first, children of node i at 2i+1 and 2i+2,
 * leaves last, in falling order of their hashes. This is the layout of OpenZeppelin's trees.
 */
export class MerkleHeap {
  private readonly bytes: Buffer;

  /** @param nodeOf leaf number to its node */
  constructor(
    bytes: Uint8Array,
    readonly nodeOf: Uint32Array,
  ) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @param blocks leaves of 64 bytes each, in a row */
  static of(blocks: Uint8Array): MerkleHeap {
    const count = blocks.length / BLOCK_BYTES;
    invariant(count > 0 && count <= LEAVES_MAX, `a Merkle tree has 1 to ${LEAVES_MAX} leaves`);
    const heapBytes = (2 * count - 1) * HASH_BYTES;
    const pages = Math.ceil((HEAP + heapBytes) / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const kernel = kernelOn(memory);
    const hashes = hashLeaves(blocks, memory, kernel);
    const order = sortedOrder(hashes, count);
    const heap = new Uint8Array(memory.buffer, HEAP, heapBytes);
    const nodeOf = new Uint32Array(count);
    for (let rank = 0; rank < count; rank += 1) {
      const leaf = order[rank] ?? 0;
      const node = 2 * count - 2 - rank;
      heap.set(hashes.subarray(leaf * HASH_BYTES, (leaf + 1) * HASH_BYTES), node * HASH_BYTES);
      nodeOf[leaf] = node;
    }
    if (count > 1) kernel.nodes(HEAP, count - 2);
    return new MerkleHeap(heap, nodeOf);
  }

  /** Copies that can be handed to another thread: WebAssembly memory cannot. */
  parts(): { bytes: Uint8Array<ArrayBuffer>; nodeOf: Uint32Array<ArrayBuffer> } {
    return { bytes: new Uint8Array(this.bytes), nodeOf: new Uint32Array(this.nodeOf) };
  }

  /** 0x-prefixed hash of a node. */
  hash(node: number): string {
    return `0x${this.bytes.toString('hex', node * HASH_BYTES, (node + 1) * HASH_BYTES)}`;
  }

  /** Sibling hashes from a node to the root. */
  proof(node: number): string[] {
    const proof: string[] = [];
    for (let index = node; index > 0; index = (index - 1) >> 1) {
      proof.push(this.hash(index % 2 === 0 ? index - 1 : index + 1));
    }
    return proof;
  }
}

function kernelOn(memory: WebAssembly.Memory): Kernel {
  new BigUint64Array(memory.buffer).set(roundConstants());
  const { leaves, nodes } = new WebAssembly.Instance(KERNEL, { env: { memory } }).exports;
  return { leaves, nodes } as unknown as Kernel;
}

function hashLeaves(blocks: Uint8Array, memory: WebAssembly.Memory, kernel: Kernel): Uint8Array {
  const scratch = new Uint8Array(memory.buffer, SCRATCH, BLOCKS * BLOCK_BYTES);
  const hashes = new Uint8Array(blocks.length / 2);
  for (let from = 0; from < blocks.length; from += scratch.length) {
    const some = blocks.subarray(from, from + scratch.length);
    scratch.set(some);
    kernel.leaves(SCRATCH, SCRATCH + some.length, HASHES);
    hashes.set(new Uint8Array(memory.buffer, HASHES, some.length / 2), from / 2);
  }
  return hashes;
}

/**
 * Numbers of the hashes in rising order. A double holds the first bits of a hash and its number, so that the native sort
 * does nearly all; the few hashes that begin alike are then compared whole.
 */
export function sortedOrder(hashes: Uint8Array, count: number): Uint32Array {
  const numberBits = Math.ceil(Math.log2(count));
  const scale = 2 ** numberBits;
  // Of the 53 bits of a double, what the number leaves.
  const prefixBits = 53 - numberBits;
  const view = new DataView(hashes.buffer, hashes.byteOffset);
  const prefixOf = (leaf: number) => {
    const high = view.getUint32(leaf * HASH_BYTES);
    if (prefixBits <= 32) return high >>> (32 - prefixBits);
    return high * 2 ** (prefixBits - 32) + (view.getUint32(leaf * HASH_BYTES + 4) >>> (64 - prefixBits));
  };
  const keys = new Float64Array(count);
  for (let leaf = 0; leaf < count; leaf += 1) keys[leaf] = prefixOf(leaf) * scale + leaf;
  keys.sort();
  const order = new Uint32Array(count);
  for (let rank = 0; rank < count; rank += 1) order[rank] = (keys[rank] ?? 0) % scale;
  const alike = (a: number, b: number) =>
    Math.floor((keys[a] ?? 0) / scale) === Math.floor((keys[b] ?? 0) / scale);
  for (let from = 0, to = 1; from < count; from = to, to += 1) {
    while (to < count && alike(from, to)) to += 1;
    if (to - from > 1) order.subarray(from, to).sort((a, b) => compareHashes(hashes, a, b));
  }
  return order;
}

function compareHashes(hashes: Uint8Array, a: number, b: number): number {
  const at = (leaf: number) => hashes.subarray(leaf * HASH_BYTES, (leaf + 1) * HASH_BYTES);
  return Buffer.compare(at(a), at(b));
}
