import { DomainError } from '@openledger/kernel';
import { Candidates } from './candidates.js';
import { editLogits, editsLogits } from './logit-edits.js';
import type { Sampling } from './sampling.js';
import type { TokenHistory } from './token-history.js';
import type { TokenMask } from './token-mask.js';

/** What a row brings to the choice of its next token, besides the logits. */
export interface RowChoice {
  readonly sampling: Sampling;
  readonly history: TokenHistory;
  /** Tokens that may come next; undefined for all. */
  readonly mask: TokenMask | undefined;
  /** Uniform from 0 to below 1. */
  readonly random: () => number;
}

/**
 * Chooses tokens for one row after another. Ties go to the smaller token id, and nothing is left from one
 * row to the next, so that equal logits and random numbers give equal tokens whatever the batch mates.
 *
 * Order of processing as in vLLM's `v1/sample/sampler.py`: allowed tokens, bias, penalties; then greedy, or
 * temperature, `minP`, `topK`, `topP` (nucleus sampling, Holtzman et al. 2020).
 */
export class TokenSampler {
  private scratch: { readonly edited: Float32Array; readonly candidates: Candidates } | undefined;

  constructor(private readonly vocabSize: number) {}

  /** @throws DomainError LOGITS_NOT_FINITE when there is no number to choose by */
  choose(logits: Float32Array, { sampling, history, mask, random }: RowChoice): number {
    let edited = logits;
    if (editsLogits(sampling, mask)) {
      edited = this.memory.edited;
      editLogits(edited, logits, sampling, { history, mask });
    }
    let best = argmax(edited);
    if (edited[best] === Number.POSITIVE_INFINITY) {
      edited = this.finite(edited);
      best = argmax(edited);
    }
    if (best < 0) throw notFinite();
    if (sampling.temperature === 0) return best;
    const { candidates } = this.memory;
    candidates.fill(edited, edited[best] ?? 0, sampling);
    return candidates.draw(random());
  }

  /** An infinite logit has no probability. */
  private finite(logits: Float32Array): Float32Array {
    const { edited } = this.memory;
    for (const [token, logit] of logits.entries()) {
      edited[token] = logit === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : logit;
    }
    return edited;
  }

  private get memory() {
    const { vocabSize } = this;
    this.scratch ??= { edited: new Float32Array(vocabSize), candidates: new Candidates(vocabSize) };
    return this.scratch;
  }
}

/** The place of the first of the greatest numbers; -1 where there are none. */
function argmax(logits: Float32Array): number {
  const end = logits.length - (logits.length % 4);
  const lowest = Number.NEGATIVE_INFINITY;
  // Four comparisons that do not wait for one another; what is not a number is greater than nothing.
  let first = lowest;
  let second = lowest;
  let third = lowest;
  let fourth = lowest;
  for (let token = 0; token < end; token += 4) {
    const a = logits[token] as number;
    const b = logits[token + 1] as number;
    const c = logits[token + 2] as number;
    const d = logits[token + 3] as number;
    if (a > first) first = a;
    if (b > second) second = b;
    if (c > third) third = c;
    if (d > fourth) fourth = d;
  }
  let peak = Math.max(first, second, third, fourth);
  for (let token = end; token < logits.length; token += 1) {
    const logit = logits[token] as number;
    if (logit > peak) peak = logit;
  }
  return peak === lowest ? -1 : logits.indexOf(peak);
}

const notFinite = () =>
  new DomainError(
    'unavailable',
    'LOGITS_NOT_FINITE',
    'The model produced no finite number: the adapter is damaged or was trained to divergence.',
  );
