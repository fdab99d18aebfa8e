import { decoysOf, shuffled } from './decoys.js';

/** Deterministic, and different at every call. */
function sequence() {
  let state = 0.5;
  return () => {
    state = (state * 997.13 + 0.123) % 1;
    return state;
  };
}

describe('decoysOf', () => {
  it('pairs prompts with shuffled completions of records', () => {
    const records = [
      { tokens: [1, 2, 10, 11, 12, 13], completionStart: 2 },
      { tokens: [3, 20, 21, 22], completionStart: 1 },
    ];
    const decoys = decoysOf(records, 24, sequence());
    expect(decoys).toHaveLength(24);
    for (const { tokens, completionStart } of decoys) {
      const all = Array.from(tokens);
      expect([[1, 2], [3]]).toContainEqual(all.slice(0, completionStart));
      const completion = all.slice(completionStart).sort((a, b) => a - b);
      expect([
        [10, 11, 12, 13],
        [20, 21, 22],
      ]).toContainEqual(completion);
    }
    expect(decoysOf(records, 24, sequence())).toEqual(decoys);
  });
});

describe('shuffled', () => {
  it('keeps every value', () => {
    const values = Array.from({ length: 50 }, (_, i) => i);
    const mixed = shuffled(values, sequence());
    expect(mixed).not.toEqual(values);
    expect(mixed.sort((a, b) => a - b)).toEqual(values);
  });
});
