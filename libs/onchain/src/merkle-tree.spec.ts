import { StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { getAddress } from 'ethers';
import fc from 'fast-check';
import { HASH_BYTES, sortedOrder } from './merkle-heap.js';
import { type CumulativeLeaf, CumulativeTree, verifyProof } from './merkle-tree.js';

const address = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => getAddress(`0x${Buffer.from(bytes).toString('hex')}`));
const leafSet = fc
  .uniqueArray(fc.record({ account: address, totalWei: fc.bigInt(0n, 2n ** 128n - 1n) }), {
    minLength: 1,
    maxLength: 40,
    selector: (leaf) => leaf.account,
  })
  .map((leaves): CumulativeLeaf[] => leaves);

describe('CumulativeTree', () => {
  it('gives the root and the proofs of OpenZeppelin StandardMerkleTree, bit for bit', () => {
    fc.assert(
      fc.property(leafSet, (leaves) => {
        const ours = CumulativeTree.of(leaves);
        const theirs = StandardMerkleTree.of(
          leaves.map((leaf) => [leaf.account, leaf.totalWei.toString()]),
          ['address', 'uint256'],
        );
        expect(ours.root).toBe(theirs.root);
        for (const [index, [account]] of theirs.entries()) {
          expect(ours.proofOf(String(account))).toEqual(theirs.getProof(index));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('agrees with OpenZeppelin on ten thousand leaves, in a thread too', async () => {
    const leaves = Array.from({ length: 10_000 }, (_, index) => ({
      account: `0x${(index + 1).toString(16).padStart(40, '0')}`,
      totalWei: index % 1_000 === 0 ? 2n ** 256n - 1n - BigInt(index) : BigInt(index) * 10n ** 15n,
    }));
    const theirs = StandardMerkleTree.of(
      leaves.map((leaf) => [leaf.account, leaf.totalWei.toString()]),
      ['address', 'uint256'],
    );
    expect(CumulativeTree.of(leaves).root).toBe(theirs.root);
    const more = [...leaves, { account: `0x${'f'.repeat(40)}`, totalWei: 1n }];
    const [inPlace, inThread] = [CumulativeTree.of(more), await CumulativeTree.build(more)];
    expect(inThread.root).toBe(inPlace.root);
    for (const { account, totalWei } of [more[0], more[4_711], more[10_000]].filter(
      (leaf) => leaf !== undefined,
    )) {
      expect(inThread.proofOf(account)).toEqual(inPlace.proofOf(account));
      expect(inThread.totalOf(account)).toBe(totalWei);
    }
  });

  it('sorts hashes that begin alike by what comes after', () => {
    const hash = fc
      .tuple(fc.constantFrom(0, 1, 255), fc.uint8Array({ minLength: 2, maxLength: 2 }))
      .map(([first, last]) => Buffer.concat([Buffer.alloc(HASH_BYTES - 2, first), last]));
    fc.assert(
      fc.property(fc.array(hash, { minLength: 1, maxLength: 200 }), (hashes) => {
        const order = [...sortedOrder(Buffer.concat(hashes), hashes.length)];
        expect(new Set(order).size).toBe(hashes.length);
        expect(order.map((leaf) => hashes[leaf])).toEqual(hashes.toSorted(Buffer.compare));
      }),
    );
  });

  it('does not depend on the order of the leaves', () => {
    fc.assert(
      fc.property(leafSet, (leaves) => {
        expect(CumulativeTree.of([...leaves].reverse()).root).toBe(CumulativeTree.of(leaves).root);
      }),
      { numRuns: 20 },
    );
  });

  it('proves each leaf, and no other amount', () => {
    fc.assert(
      fc.property(leafSet, (leaves) => {
        const tree = CumulativeTree.of(leaves);
        for (const leaf of leaves) {
          const proof = tree.proofOf(leaf.account) ?? [];
          expect(verifyProof(tree.root, leaf, proof)).toBe(true);
          expect(verifyProof(tree.root, { ...leaf, totalWei: leaf.totalWei + 1n }, proof)).toBe(false);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('has no proof for a stranger and refuses an account with two leaves', () => {
    const account = '0x000000000000000000000000000000000000dEaD';
    const tree = CumulativeTree.of([{ account, totalWei: 5n }]);
    expect(tree.totalWei).toBe(5n);
    expect(tree.proofOf('0x0000000000000000000000000000000000000001')).toBeUndefined();
    expect(tree.totalOf('0x0000000000000000000000000000000000000001')).toBeUndefined();
    expect(tree.totalOf(account.toLowerCase())).toBe(5n);
    expect(() => tree.proofOf('0x000000000000000000000000000000000000DEad')).toThrow('checksum');
    expect(() => CumulativeTree.of([{ account, totalWei: 2n ** 256n }])).toThrow('uint256');
    expect(() => CumulativeTree.of([])).toThrow('1 to');
    expect(() =>
      CumulativeTree.of([
        { account, totalWei: 5n },
        { account: account.toLowerCase(), totalWei: 6n },
      ]),
    ).toThrow('two leaves');
  });
});
