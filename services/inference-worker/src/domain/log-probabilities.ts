import { EXP_REACH, expMinus } from './exponential.js';

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm of the model's own probability. */
  readonly logprob: number;
}

export interface TokenLogprobs extends TokenLogprob {
  /** Likeliest first; ties to the smaller id. */
  readonly top: readonly TokenLogprob[];
}

/**
 * What the model itself thought of the chosen token and of the `count` likeliest: the log-softmax of its
 * logits as they came (vLLM's `raw_logprobs`). Summed in double precision; what is not finite has no share.
 */
export function logProbabilities(logits: Float32Array, token: number, count: number): TokenLogprobs {
  const top = likeliest(logits, Math.max(1, count));
  const peak = logits[top[0] ?? 0] ?? 0;
  const reach = EXP_REACH;
  let total = 0;
  for (let other = 0; other < logits.length; other += 1) {
    const logit = logits[other] ?? Number.NaN;
    const distance = peak - logit;
    // Both false of what is not a number; beyond the reach, nothing is left of a share.
    if (distance <= reach && distance >= 0) total += expMinus(distance);
  }
  const normalizer = peak + Math.log(total);
  const told = (id: number): TokenLogprob => ({ token: id, logprob: (logits[id] ?? 0) - normalizer });
  return { ...told(token), top: top.slice(0, count).map(told) };
}

/** One pass: few tokens of a vocabulary ever get past the least of the best so far. */
function likeliest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token += 1) {
    const logit = logits[token] ?? Number.NaN;
    if (!(logit > least) || logit === Number.POSITIVE_INFINITY) continue;
    let place = best.length;
    while (place > 0 && (logits[best[place - 1] ?? 0] ?? 0) < logit) place -= 1;
    best.splice(place, 0, token);
    if (best.length > count) best.pop();
    if (best.length === count) least = logits[best[count - 1] ?? 0] ?? least;
  }
  return best;
}
