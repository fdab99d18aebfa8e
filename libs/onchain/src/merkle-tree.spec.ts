import { StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { getAddress } from 'ethers';
import fc from 'fast-check';
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
    expect(() =>
      CumulativeTree.of([
        { account, totalWei: 5n },
        { account: account.toLowerCase(), totalWei: 6n },
      ]),
    ).toThrow('two leaves');
  });
});
