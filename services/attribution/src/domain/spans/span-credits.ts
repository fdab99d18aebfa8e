import type { TokenSpan } from './find-spans.js';

/** Nats of significance from which a span counts in full: about six tokens of ordinary text. */
const SIGNIFICANCE_FULL = 30;

/**
 * For each party, the nats that the adapter added on tokens that stand word for word in its records. What the base
 * model says anyway is worth nothing; of a span that chance nearly explains, less counts; a token that several parties
 * hold is split equally between them, however many records each has; common knowledge and boilerplate earn nothing.
 *
 * @param gains log p(token | adapter) − log p(token | base), per token of the answer
 */
export function spanCredits(spans: readonly TokenSpan[], gains: ArrayLike<number>): Map<string, number> {
  const credits = new Map<string, number>();
  for (const [token, { parties, weight }] of claims(spans)) {
    const gain = gains[token] ?? 0;
    // A gain that is no number is no gain.
    if (!(gain > 0)) continue;
    const part = (gain * weight) / parties.size;
    for (const party of parties) credits.set(party, (credits.get(party) ?? 0) + part);
  }
  return credits;
}

/** What the adapter added on a span's tokens, nats: what it would earn its owners before the weight. */
export function spanGain({ start, end }: Pick<TokenSpan, 'start' | 'end'>, gains: ArrayLike<number>): number {
  let sum = 0;
  for (let token = start; token < end; token++) sum += Math.max(0, gains[token] ?? 0);
  return sum;
}

/** Who holds each token, by any owned span over it, and the weight of the most significant one. */
function claims(spans: readonly TokenSpan[]): Map<number, { parties: Set<string>; weight: number }> {
  const held = new Map<number, { parties: Set<string>; weight: number }>();
  for (const { start, end, standing, parties, significance } of spans) {
    if (standing !== 'owned') continue;
    const weight = Math.min(1, significance / SIGNIFICANCE_FULL);
    for (let token = start; token < end; token++) {
      const here = held.get(token) ?? { parties: new Set(), weight: 0 };
      for (const party of parties) here.parties.add(party);
      here.weight = Math.max(here.weight, weight);
      held.set(token, here);
    }
  }
  return held;
}
