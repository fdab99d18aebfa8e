import { readFileSync } from 'node:fs';
import { splitExactly } from '@openledger/kernel';
import { concat, keccak256, toBeHex } from 'ethers';

/** `test-forge/LargestRemainder.t.sol` reads the same file: who checks a payout in Solidity gets the same parts. */
const { vectors, many } = JSON.parse(
  readFileSync(new URL('../../test/fixtures/splits.json', import.meta.url), 'utf8'),
) as {
  readonly vectors: readonly {
    readonly name: string;
    readonly total: string;
    readonly weights: readonly string[];
    readonly parts: readonly string[];
  }[];
  readonly many: { readonly count: number; readonly total: string; readonly digest: string };
};

describe('the split that TypeScript and Solidity share', () => {
  it.each(vectors)('splits as its vector says: $name', ({ total, weights, parts }) => {
    expect(splitExactly(BigInt(total), weights.map(BigInt)).map(String)).toEqual(parts);
  });

  it('splits among ten thousand', () => {
    const weights = Array.from(
      { length: many.count },
      (_, i) => BigInt(keccak256(toBeHex(i, 32))) % 2n ** 32n,
    );
    const parts = splitExactly(BigInt(many.total), weights);
    expect(keccak256(concat(parts.map((part) => toBeHex(part, 32))))).toBe(many.digest);
  });
});
