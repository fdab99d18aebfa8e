import type { Sampling } from './sampling.js';
import type { TokenHistory } from './token-history.js';
import { maskInto, type TokenMask } from './token-mask.js';

/** Whether anything of a request changes logits before the likeliest is looked for. */
export function editsLogits(sampling: Sampling, mask: TokenMask | undefined): boolean {
  return (
    mask !== undefined ||
    sampling.logitBias.size > 0 ||
    sampling.repetitionPenalty !== 1 ||
    sampling.frequencyPenalty !== 0 ||
    sampling.presencePenalty !== 0
  );
}

/**
 * Writes the logits that are sampled from, in the order of vLLM's sampler: allowed tokens, bias, then the
 * penalties for repetition (Keskar et al. 2019, CTRL, equation 4, over prompt and answer), frequency and
 * presence (over the answer).
 */
export function editLogits(
  target: Float32Array,
  logits: Float32Array,
  sampling: Sampling,
  given: { readonly history: TokenHistory; readonly mask: TokenMask | undefined },
): void {
  const { history, mask } = given;
  const { repetitionPenalty, frequencyPenalty, presencePenalty, logitBias } = sampling;
  if (mask) maskInto(target, logits, mask);
  else target.set(logits);
  for (const [token, bias] of logitBias) target[token] = (target[token] ?? Number.NaN) + bias;
  if (repetitionPenalty !== 1) {
    const penalise = (token: number): void => {
      const logit = target[token] ?? Number.NaN;
      target[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    };
    for (const token of history.promptSet) penalise(token);
    for (const token of history.answer.keys()) if (!history.promptSet.has(token)) penalise(token);
  }
  if (frequencyPenalty === 0 && presencePenalty === 0) return;
  for (const [token, count] of history.answer) {
    target[token] = (target[token] ?? Number.NaN) - count * frequencyPenalty - presencePenalty;
  }
}
