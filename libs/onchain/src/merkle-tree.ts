import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { invariant } from '@openledger/kernel';
import { AbiCoder, getBytes, keccak256 } from 'ethers';
import { ACCOUNT_BYTES, AccountIndex } from './account-index.js';
import { BLOCK_BYTES, LEAVES_MAX, MerkleHeap } from './merkle-heap.js';

/** What an account has earned in total, in wei, since the beginning. */
export interface CumulativeLeaf {
  readonly account: string;
  readonly totalWei: bigint;
}

/** Of an account and of an amount in a leaf: words of 32 bytes, both written to the right. */
const ACCOUNT_OFFSET = 12;
const AMOUNT_OFFSET = 32;
/** Leaves read in one go; a few milliseconds. */
const SLICE = 10_000;

/**
 * The Merkle tree behind a posted root, bit-identical to OpenZeppelin's StandardMerkleTree over
 * `['address', 'uint256']`: leaves hashed twice, sorted by hash, laid out as a heap, pairs sorted before
 * hashing. Its own implementation because theirs takes minutes and gigabytes for a million leaves. Beside the leaves as
 * given it keeps 92 to 100 bytes for each.
 */
export class CumulativeTree {
  readonly totalWei: bigint;

  private constructor(
    readonly leaves: readonly CumulativeLeaf[],
    private readonly heap: MerkleHeap,
    private readonly accounts: AccountIndex,
  ) {
    this.totalWei = leaves.reduce((sum, leaf) => sum + leaf.totalWei, 0n);
  }

  /** @param leaves one per account; an account given twice is a bug, because only one leaf could be claimed. */
  static of(leaves: readonly CumulativeLeaf[]): CumulativeTree {
    const packed = new PackedLeaves(leaves);
    packed.pack(leaves.length);
    return new CumulativeTree(leaves, MerkleHeap.of(packed.blocks), packed.accounts);
  }

  /** The same beside the event loop: read in slices, hashed in a thread of its own. */
  static async build(leaves: readonly CumulativeLeaf[]): Promise<CumulativeTree> {
    if (leaves.length <= SLICE) return CumulativeTree.of(leaves);
    const packed = new PackedLeaves(leaves);
    for (let end = SLICE; end < leaves.length + SLICE; end += SLICE) {
      packed.pack(Math.min(end, leaves.length));
      await setImmediate();
    }
    const worker = new Worker(new URL('./merkle-worker.js', import.meta.url), {
      workerData: packed.blocks,
      transferList: [packed.blocks.buffer],
    });
    const [parts] = (await once(worker, 'message')) as [ReturnType<MerkleHeap['parts']>];
    return new CumulativeTree(leaves, new MerkleHeap(parts.bytes, parts.nodeOf), packed.accounts);
  }

  /** 0x-prefixed root, as `postRoot` takes it. */
  get root(): string {
    return this.heap.hash(0);
  }

  /** What the account's leaf says, or undefined for an account without one. */
  totalOf(account: string): bigint | undefined {
    return this.leaves[this.accounts.find(account)]?.totalWei;
  }

  /** Sibling hashes from leaf to root, or undefined for an account without a leaf. */
  proofOf(account: string): string[] | undefined {
    const node = this.heap.nodeOf[this.accounts.find(account)];
    return node === undefined ? undefined : this.heap.proof(node);
  }
}

/** Leaves as they are hashed, and their accounts by number. */
class PackedLeaves {
  readonly blocks: Uint8Array<ArrayBuffer>;
  readonly accounts: AccountIndex;
  private readonly view: DataView;
  private done = 0;

  constructor(private readonly leaves: readonly CumulativeLeaf[]) {
    const { length } = leaves;
    invariant(length > 0 && length <= LEAVES_MAX, `a Merkle tree has 1 to ${LEAVES_MAX} leaves`);
    this.blocks = new Uint8Array(length * BLOCK_BYTES);
    this.view = new DataView(this.blocks.buffer);
    this.accounts = new AccountIndex(length);
  }

  pack(end: number): void {
    for (; this.done < end; this.done += 1) {
      const leaf = this.leaves[this.done];
      invariant(leaf, 'leaves are dense');
      this.accounts.add(leaf.account);
      const [from, to] = [this.done * ACCOUNT_BYTES, this.done * BLOCK_BYTES];
      this.blocks.set(this.accounts.bytes.subarray(from, from + ACCOUNT_BYTES), to + ACCOUNT_OFFSET);
      writeAmount(leaf.totalWei, this.view, to + AMOUNT_OFFSET);
    }
  }
}

function writeAmount(wei: bigint, block: DataView, offset: number): void {
  invariant(wei >= 0n && wei >> 256n === 0n, 'an amount is a uint256');
  let rest = wei;
  for (let at = 24; rest > 0n; at -= 8) {
    block.setBigUint64(offset + at, BigInt.asUintN(64, rest));
    rest >>= 64n;
  }
}

/** True when `proof` leads from the leaf to `root`; what the distributor checks on chain. */
export function verifyProof(root: string, leaf: CumulativeLeaf, proof: readonly string[]): boolean {
  const top = proof.reduce<Uint8Array>((hash, sibling) => pairHash(hash, getBytes(sibling)), leafHash(leaf));
  return hex(top) === root.toLowerCase();
}

function leafHash(leaf: CumulativeLeaf): Uint8Array {
  const encoded = AbiCoder.defaultAbiCoder().encode(['address', 'uint256'], [leaf.account, leaf.totalWei]);
  return getBytes(keccak256(keccak256(encoded)));
}

function pairHash(a: Uint8Array, b: Uint8Array): Uint8Array {
  return getBytes(keccak256(Buffer.concat(Buffer.compare(a, b) <= 0 ? [a, b] : [b, a])));
}

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
