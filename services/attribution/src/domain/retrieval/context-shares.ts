import { splitExactly } from '@openledger/kernel';
import type { Estimate } from './context-cite.js';
import { SCORING_NOISE_NATS } from './scoring-noise.js';

/** Standard errors of the whole below which nobody is paid. */
const CERTAINTY = 3;
/** Standard errors that a value must be below zero for it to count as harm. */
const HARM_ERRORS = 2;
const MICRONATS = 1e6;

export interface ContextShares {
  /** By contributor, in order of their ids. */
  readonly contributors: ReadonlyMap<string, bigint>;
  /** Of chunks without an owner, and all of it where what was measured is noise. */
  readonly reserve: bigint;
}

/** What a value weighs at pay: negative ones and rounding count nothing. */
const weightOf = ({ value }: Estimate): number => (value > SCORING_NOISE_NATS ? value : 0);

/** Whether a chunk made the answer less likely, beyond what chance does: worth a look by the caller. */
export const isHarmful = ({ value, standardError }: Estimate): boolean =>
  value < -SCORING_NOISE_NATS && value < -HARM_ERRORS * standardError;

/**
 * Splits the context's pool by what each player added. Whole units, summing to `pool`.
 *
 * @param estimates of the players
 */
export function shareContext(
  pool: bigint,
  players: readonly { readonly owner?: { readonly contributorId: string } | undefined }[],
  estimates: readonly Estimate[],
): ContextShares {
  const weights = estimates.map(weightOf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const error = Math.hypot(...estimates.map(({ standardError }) => standardError));
  if (total === 0 || total < CERTAINTY * error) return { contributors: new Map(), reserve: pool };
  // The reserve takes part under a name that no contributor has, and comes first among equals.
  const claims = new Map<string, number>([['', 0]]);
  for (const [i, { owner }] of players.entries()) {
    const name = owner?.contributorId ?? '';
    claims.set(name, (claims.get(name) ?? 0) + (weights[i] ?? 0));
  }
  const names = [...claims.keys()].sort();
  const parts = splitExactly(
    pool,
    names.map((name) => BigInt(Math.round((claims.get(name) ?? 0) * MICRONATS))),
  );
  const shares = new Map(names.map((name, i) => [name, parts[i] ?? 0n]));
  const reserve = shares.get('') ?? 0n;
  shares.delete('');
  return { contributors: shares, reserve };
}
