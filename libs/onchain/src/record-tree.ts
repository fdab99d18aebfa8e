import { invariant } from '@openledger/kernel';
import { AbiCoder, keccak256 } from 'ethers';
import { BLOCK_BYTES, HASH_BYTES, MerkleHeap } from './merkle-heap.js';

/** A numbered record and its hash. */
export interface RecordLeaf {
  readonly number: number;
  /** 0x and 64 digits. */
  readonly hash: string;
}

/**
 * A Merkle tree of numbered records, as an anchor names its root: leaves are keccak256(keccak256(number, hash)), each a
 * word of 32 bytes, nodes hash their children in order of size, as OpenZeppelin's MerkleProof does.
 */
export class RecordTree {
  private constructor(
    private readonly leaves: readonly RecordLeaf[],
    private readonly heap: MerkleHeap,
  ) {}

  /** @param leaves at least one */
  static of(leaves: readonly RecordLeaf[]): RecordTree {
    const blocks = Buffer.alloc(leaves.length * BLOCK_BYTES);
    for (const [i, { number, hash }] of leaves.entries()) {
      invariant(Number.isSafeInteger(number) && number >= 0, 'a record has a whole number');
      invariant(/^0x[0-9a-f]{64}$/.test(hash), 'a hash is 0x and 64 digits');
      blocks.writeBigUInt64BE(BigInt(number), i * BLOCK_BYTES + HASH_BYTES - 8);
      blocks.write(hash.slice(2), i * BLOCK_BYTES + HASH_BYTES, 'hex');
    }
    return new RecordTree(leaves, MerkleHeap.of(blocks));
  }

  get root(): string {
    return this.heap.hash(0);
  }

  /** Undefined for a number that is not among the leaves. */
  proofOf(number: number): string[] | undefined {
    const node = this.heap.nodeOf[this.leaves.findIndex((leaf) => leaf.number === number)];
    return node === undefined ? undefined : this.heap.proof(node);
  }
}

/** Whether a record is under a root. */
export function verifyRecord(root: string, leaf: RecordLeaf, proof: readonly string[]): boolean {
  const inner = keccak256(
    AbiCoder.defaultAbiCoder().encode(['uint256', 'bytes32'], [leaf.number, leaf.hash]),
  );
  const found = proof.reduce(
    (hash, sibling) =>
      keccak256(hash < sibling ? `${hash}${sibling.slice(2)}` : `${sibling}${hash.slice(2)}`),
    keccak256(inner),
  );
  return found === root;
}
