import { DomainError } from '@openledger/kernel';
import type { Sampling } from './sampling.js';

interface Candidate {
  readonly token: number;
  /** Not normalised. */
  readonly weight: number;
}

/**
 * Draws the next token: temperature, then the `topK` likeliest, then the smallest set whose probability
 * reaches `topP` (nucleus sampling, Holtzman et al. 2020). Ties go to the smaller token id, so that equal
 * logits and random numbers give equal tokens everywhere.
 *
 * @throws DomainError LOGITS_NOT_FINITE when the model produced no number to choose by
 */
export function sampleToken(logits: Float32Array, sampling: Sampling, random: () => number): number {
  const best = argmax(logits);
  if (sampling.temperature === 0) return best;
  const peak = logits[best] ?? 0;
  const { topK, topP, temperature } = sampling;
  const weightOf = (logit: number): number => {
    const weight = Math.exp((logit - peak) / temperature);
    // Not above the peak's: an infinite logit has no probability.
    return weight > 0 && weight <= 1 ? weight : 0;
  };
  if (topK === 0 && topP >= 1) return drawFromAll(logits, weightOf, random());
  return draw(nucleus(likeliest(logits, topK, weightOf), topP), random());
}

function argmax(logits: Float32Array): number {
  let best = -1;
  let peak = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token += 1) {
    const logit = logits[token] ?? Number.NaN;
    if (logit > peak && logit < Number.POSITIVE_INFINITY) {
      best = token;
      peak = logit;
    }
  }
  if (best >= 0) return best;
  throw new DomainError(
    'unavailable',
    'LOGITS_NOT_FINITE',
    'The model produced no finite number: the adapter is damaged or was trained to divergence.',
  );
}

/** One pass for the total and one for the draw: the whole vocabulary need not be sorted. */
function drawFromAll(logits: Float32Array, weightOf: (logit: number) => number, uniform: number): number {
  let total = 0;
  for (const logit of logits) total += weightOf(logit);
  let rest = uniform * total;
  let last = 0;
  for (let token = 0; token < logits.length; token += 1) {
    const weight = weightOf(logits[token] ?? Number.NaN);
    if (weight === 0) continue;
    last = token;
    rest -= weight;
    if (rest < 0) break;
  }
  return last;
}

function likeliest(
  logits: Float32Array,
  topK: number,
  weightOf: (logit: number) => number,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (let token = 0; token < logits.length; token += 1) {
    const weight = weightOf(logits[token] ?? Number.NaN);
    if (weight > 0) candidates.push({ token, weight });
  }
  candidates.sort((a, b) => b.weight - a.weight || a.token - b.token);
  return topK === 0 ? candidates : candidates.slice(0, topK);
}

function nucleus(candidates: readonly Candidate[], topP: number): readonly Candidate[] {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let reached = 0;
  for (const [index, { weight }] of candidates.entries()) {
    reached += weight;
    if (reached >= topP * total) return candidates.slice(0, index + 1);
  }
  return candidates;
}

function draw(candidates: readonly Candidate[], uniform: number): number {
  let rest = uniform * candidates.reduce((sum, { weight }) => sum + weight, 0);
  for (const { token, weight } of candidates) {
    rest -= weight;
    if (rest < 0) return token;
  }
  return candidates.at(-1)?.token ?? 0;
}
