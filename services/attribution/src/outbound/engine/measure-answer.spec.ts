import { measureAnswer } from './measure-answer.js';
import type { ScoringVersion } from './scoring-version.js';

const K = 16;
const answer = { requestId: 'request', promptTokens: [1, 2], completionTokens: [3], context: [] };

/** A version in which the answer has this vector, and which must not be asked for anything more. */
const versionOf = (vector: Float32Array) =>
  ({
    model: { tokensMax: 64 },
    space: { answers: async () => ({ rows: 1, columns: K, data: vector }) },
  }) as unknown as ScoringVersion;
const measured = (change: (vector: Float32Array) => void) => {
  const vector = new Float32Array(K);
  change(vector);
  return measureAnswer(versionOf(vector), answer, new Set());
};
const code = (value: string) => expect.objectContaining({ kind: 'precondition', code: value });

describe('measureAnswer', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuses a gradient that holds %d',
    async (value) => {
      await expect(measured((vector) => vector.set([1, value]))).rejects.toEqual(code('NOT_FINITE'));
    },
  );

  it('refuses an answer that nothing made more or less likely', async () => {
    await expect(measured(() => {})).rejects.toEqual(code('ZERO_GRADIENT'));
    // Too small for a scale in float32: the same as nothing.
    await expect(measured((vector) => vector.fill(1e-44))).rejects.toEqual(code('ZERO_GRADIENT'));
  });
});
