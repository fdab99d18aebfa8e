import { DomainError } from '@openledger/kernel';
import type { Example } from '../run/batch.js';
import { permutation, seededRandom } from './random.js';

/** The batch of a step (counted from 0); a pure function, so that a resumed run sees the same data. */
export type BatchSource = (step: number) => readonly Example[];

/** Mixes a seed with the number of a pass; 32-bit golden ratio, so neighbouring passes are unrelated. */
const passStride = 0x9e3779b1;

/** Batches without replacement, newly shuffled on every pass; the last of a pass may wrap into the next. */
export function shuffledBatches(examples: readonly Example[], batchSize: number, seed: number): BatchSource {
  const order = shuffledOrder(examples.length, batchSize, seed);
  return (step) => order(step).flatMap((index) => examples[index] ?? []);
}

/** Which examples {@link shuffledBatches} shows at a step (counted from 0), by their indices. */
export function shuffledOrder(
  count: number,
  batchSize: number,
  seed: number,
): (step: number) => readonly number[] {
  const order = passOrder(count, seed);
  return (step) => Array.from({ length: batchSize }, (_, row) => order(step * batchSize + row));
}

/**
 * Language-model batches from one long token stream: windows of `length` tokens that predict their
 * successors, each window once a pass. Every pass starts at another offset, so windows are cut
 * elsewhere.
 */
export function streamBatches(
  tokens: ArrayLike<number>,
  shape: { readonly rows: number; readonly length: number },
  seed: number,
): BatchSource {
  const { rows, length } = shape;
  const windows = Math.floor((tokens.length - 1) / length) - 1;
  if (windows < 1) {
    throw new DomainError(
      'invalid',
      'TOO_FEW_TOKENS',
      `${tokens.length} tokens make no window of ${length}.`,
    );
  }
  const order = passOrder(windows, seed);
  return (step) =>
    Array.from({ length: rows }, (_, row) => {
      const position = step * rows + row;
      const offset = Math.floor(seededRandom(seed ^ Math.floor(position / windows))() * length);
      const start = order(position) * length + offset;
      return {
        inputIds: Int32Array.from({ length }, (_, t) => tokens[start + t] ?? 0),
        labels: Int32Array.from({ length }, (_, t) => tokens[start + t + 1] ?? 0),
      };
    });
}

/** The item at a position of an endless sequence of shuffled passes. */
function passOrder(count: number, seed: number): (position: number) => number {
  if (count < 1) throw new DomainError('invalid', 'NO_EXAMPLES', 'There is nothing to train on.');
  const passes = new Map<number, Uint32Array>();
  return (position) => {
    const pass = Math.floor(position / count);
    let order = passes.get(pass);
    if (!order) {
      order = permutation(count, seededRandom((seed + Math.imul(pass, passStride)) >>> 0));
      for (const old of passes.keys()) if (old < pass - 1) passes.delete(old);
      passes.set(pass, order);
    }
    return order[position % count] ?? 0;
  };
}
