import { DomainError } from '@openledger/kernel';
import { ignoredLabel } from '../graph/likelihood.js';
import type { IntegerTensor } from './session.js';

/** One sequence with its targets: `labels[t]` is the token after position t, or negative to skip it. */
export interface Example {
  readonly inputIds: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  /** Weight of each position in the loss; 1 everywhere where absent. */
  readonly weights?: ArrayLike<number>;
}

export interface PaddedBatch {
  readonly ids: IntegerTensor;
  readonly labels: IntegerTensor;
  /** Float weights [batch, time], zero where no label is. */
  readonly weights: Float32Array;
  readonly weightTotal: number;
  /** Positions with a label. */
  readonly scored: number;
  readonly tokens: number;
  readonly rows: number;
  readonly time: number;
}

/** Lengths are rounded up to this, so that the runtime plans memory for few shapes. */
const lengthStep = 16;

/**
 * The next-token example of a token sequence: position t predicts token t + 1, and tokens before
 * `completionStart` are only read.
 */
export function completionExample(tokens: ArrayLike<number>, completionStart = 1): Example {
  const length = Math.max(tokens.length - 1, 0);
  const inputIds = Int32Array.from({ length }, (_, t) => tokens[t] ?? 0);
  const labels = Int32Array.from({ length }, (_, t) =>
    t + 1 < completionStart ? ignoredLabel : (tokens[t + 1] ?? ignoredLabel),
  );
  return { inputIds, labels };
}

/**
 * Pads examples on the right to one length, a multiple of `step`, at most `maxLength`; a longer example is
 * refused.
 */
export function padBatch(
  examples: readonly Example[],
  maxLength: number,
  step: number = lengthStep,
): PaddedBatch {
  const rows = examples.length;
  const longest = examples.reduce((length, { inputIds }) => Math.max(length, inputIds.length), 1);
  if (longest > maxLength) {
    throw new DomainError(
      'too-large',
      'SEQUENCE_TOO_LONG',
      `A sequence has ${longest} tokens; this session takes at most ${maxLength}. Cut it first.`,
    );
  }
  const time = Math.min(Math.ceil(longest / step) * step, maxLength);
  const ids = new BigInt64Array(rows * time);
  const labels = new BigInt64Array(rows * time).fill(BigInt(ignoredLabel));
  const weights = new Float32Array(rows * time);
  let weightTotal = 0;
  let scored = 0;
  let tokens = 0;
  for (const [row, example] of examples.entries()) {
    tokens += example.inputIds.length;
    for (let t = 0; t < example.inputIds.length; t += 1) {
      const at = row * time + t;
      const label = example.labels[t] ?? ignoredLabel;
      ids[at] = BigInt(example.inputIds[t] ?? 0);
      labels[at] = BigInt(label);
      if (label < 0) continue;
      const weight = example.weights?.[t] ?? 1;
      weights[at] = weight;
      weightTotal += weight;
      scored += 1;
    }
  }
  const shape = [rows, time];
  return {
    ids: { shape, data: ids },
    labels: { shape, data: labels },
    weights,
    weightTotal,
    scored,
    tokens,
    rows,
    time,
  };
}
