import { AbiCoder, id, keccak256 } from 'ethers';
import fc from 'fast-check';
import { RecordTree, verifyRecord } from './record-tree.js';

const records = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ number: i + 7, hash: id(`${i}`) }));

describe('a tree of records', () => {
  it('of one record is the hash of its hash', () => {
    const [only] = records(1);
    const inner = keccak256(AbiCoder.defaultAbiCoder().encode(['uint256', 'bytes32'], [7, only?.hash]));
    expect(RecordTree.of(records(1)).root).toBe(keccak256(inner));
  });

  it('proves each of its records, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), (count, pick) => {
        const leaves = records(count);
        const tree = RecordTree.of(leaves);
        const leaf = leaves[pick % count] ?? { number: 0, hash: '' };
        const proof = tree.proofOf(leaf.number) ?? [];
        expect(verifyRecord(tree.root, leaf, proof)).toBe(true);
        expect(verifyRecord(tree.root, { ...leaf, number: leaf.number + 1 }, proof)).toBe(false);
        expect(verifyRecord(tree.root, { ...leaf, hash: id('other') }, proof)).toBe(false);
        expect(tree.proofOf(leaf.number + count)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  it('refuses hashes that are none', () => {
    expect(() => RecordTree.of([{ number: 1, hash: '0x12' }])).toThrow('64 digits');
    expect(() => RecordTree.of([{ number: -1, hash: id('') }])).toThrow('whole number');
    expect(() => RecordTree.of([])).toThrow('leaves');
  });
});
