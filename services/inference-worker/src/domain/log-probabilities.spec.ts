import fc from 'fast-check';
import { logProbabilities } from './log-probabilities.js';

describe('logProbabilities', () => {
  it('is the log-softmax', () => {
    const logits = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(logits, (values) => {
        const row = Float32Array.from(values);
        const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
        const found = logProbabilities(row, 0, values.length);
        expect(found.logprob).toBeCloseTo((row[0] ?? 0) - Math.log(total), 9);
        expect(found.top).toHaveLength(values.length);
        const whole = found.top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
        expect(whole).toBeCloseTo(1, 9);
        const order = found.top.map(({ token }) => token);
        const wanted = [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0) || a - b);
        expect(order).toEqual(wanted);
      }),
      { seed: 5 },
    );
  });

  it('tells as many as are asked for, likeliest first, ties to the smaller id', () => {
    const row = Float32Array.of(1, 3, 2, 3);
    expect(logProbabilities(row, 0, 0).top).toEqual([]);
    expect(logProbabilities(row, 0, 2).top.map(({ token }) => token)).toEqual([1, 3]);
    expect(logProbabilities(row, 2, 3)).toMatchObject({
      token: 2,
      top: [{ token: 1 }, { token: 3 }, { token: 2 }],
    });
  });

  it('passes over what is not a number', () => {
    const row = Float32Array.of(Number.NaN, 0, Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY);
    const { logprob, top } = logProbabilities(row, 1, 2);
    expect(logprob).toBeCloseTo(Math.log(0.5), 12);
    expect(top.map(({ token }) => token)).toEqual([1, 3]);
  });
});
