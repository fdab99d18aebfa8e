import fc from 'fast-check';
import { BANDS, bandKeys, estimateJaccard, shingles, signature } from './one-permutation-hash.js';

const words = (length: number) => fc.array(fc.integer(), { minLength: length, maxLength: length });

const exactJaccard = (a: Int32Array, b: Int32Array): number => {
  const left = new Set(a);
  const shared = new Set(b.filter((value) => left.has(value))).size;
  return shared / (left.size + new Set(b).size - shared);
};

describe('one permutation hashing', () => {
  it('estimates the Jaccard similarity of the shingles', () => {
    let squares = 0;
    let pairs = 0;
    fc.assert(
      fc.property(words(300), fc.array(fc.nat(299), { maxLength: 40 }), (text, changed) => {
        const other = text.map((word, at) => (changed.includes(at) ? word ^ 0x5a5a5a : word));
        const [a, b] = [shingles(Int32Array.from(text)), shingles(Int32Array.from(other))];
        const error = estimateJaccard(signature(a), signature(b)) - exactJaccard(a, b);
        squares += error * error;
        pairs++;
        // Six standard errors of a binomial of 128 at its widest.
        expect(Math.abs(error)).toBeLessThan(0.27);
      }),
      { numRuns: 150, seed: 7 },
    );
    expect(Math.sqrt(squares / pairs)).toBeLessThan(0.045);
  });

  it('gives short texts whole signatures too', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 12 }), (text) => {
        const of = signature(shingles(Int32Array.from(text)));
        expect([...of].every((bin) => bin !== 0xffffffff)).toBe(true);
        expect(estimateJaccard(of, signature(shingles(Int32Array.from(text))))).toBe(1);
      }),
    );
  });

  it('shares every band between equal texts, and none between unrelated ones', () => {
    const a = signature(shingles(Int32Array.from({ length: 200 }, (_, i) => i * 7_919)));
    const b = signature(shingles(Int32Array.from({ length: 200 }, (_, i) => i * 104_729 + 1)));
    expect(bandKeys(a)).toHaveLength(BANDS);
    expect(bandKeys(a)).toEqual(bandKeys(a.slice()));
    const other = new Set(bandKeys(b));
    expect(bandKeys(a).some((key) => other.has(key))).toBe(false);
  });
});
