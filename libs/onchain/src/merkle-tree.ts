import { invariant } from '@openledger/kernel';
import { AbiCoder, getAddress, getBytes, keccak256 } from 'ethers';

/** What an account has earned in total, in wei, since the beginning. */
export interface CumulativeLeaf {
  readonly account: string;
  readonly totalWei: bigint;
}

/**
 * The Merkle tree behind a posted root, bit-identical to OpenZeppelin's StandardMerkleTree over
 * `['address', 'uint256']`: leaves hashed twice, sorted by hash, laid out as a heap, pairs sorted before
 * hashing. Its own implementation because theirs takes minutes for a million leaves.
 */
export class CumulativeTree {
  readonly totalWei: bigint;
  private readonly positions: ReadonlyMap<string, number>;

  private constructor(
    readonly leaves: readonly CumulativeLeaf[],
    private readonly nodes: readonly Uint8Array[],
    sorted: readonly { readonly account: string }[],
  ) {
    this.totalWei = leaves.reduce((sum, leaf) => sum + leaf.totalWei, 0n);
    this.positions = new Map(sorted.map((leaf, index) => [leaf.account, nodes.length - 1 - index]));
  }

  /** @param leaves one per account; an account given twice is a bug, because only one leaf could be claimed. */
  static of(leaves: readonly CumulativeLeaf[]): CumulativeTree {
    invariant(leaves.length > 0, 'a Merkle tree needs a leaf');
    const accounts = leaves.map((leaf) => ({ ...leaf, account: getAddress(leaf.account) }));
    invariant(
      new Set(accounts.map((leaf) => leaf.account)).size === accounts.length,
      'an account has two leaves',
    );

    const sorted = accounts
      .map((leaf) => ({ account: leaf.account, hash: leafHash(leaf) }))
      .sort((a, b) => Buffer.compare(a.hash, b.hash));
    const nodes = new Array<Uint8Array>(2 * sorted.length - 1);
    for (const [index, { hash }] of sorted.entries()) nodes[nodes.length - 1 - index] = hash;
    for (let index = nodes.length - 1 - sorted.length; index >= 0; index -= 1) {
      nodes[index] = pairHash(nodeAt(nodes, 2 * index + 1), nodeAt(nodes, 2 * index + 2));
    }
    return new CumulativeTree(accounts, nodes, sorted);
  }

  /** 0x-prefixed root, as `postRoot` takes it. */
  get root(): string {
    return hex(nodeAt(this.nodes, 0));
  }

  /** Sibling hashes from leaf to root, or undefined for an account without a leaf. */
  proofOf(account: string): string[] | undefined {
    let index = this.positions.get(getAddress(account));
    if (index === undefined) return undefined;
    const proof: string[] = [];
    while (index > 0) {
      proof.push(hex(nodeAt(this.nodes, index % 2 === 0 ? index - 1 : index + 1)));
      index = (index - 1) >> 1;
    }
    return proof;
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

function nodeAt(nodes: readonly Uint8Array[], index: number): Uint8Array {
  const node = nodes[index];
  invariant(node, 'the heap is dense');
  return node;
}

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
