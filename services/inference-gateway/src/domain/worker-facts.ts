/** What a worker said of itself last, and what this gateway has sent it since. */
export interface WorkerFacts {
  readonly address: string;
  readonly available: boolean;
  readonly fresh: boolean;
  /** Requests being worked on, and those that wait for a row or an adapter. */
  readonly running: number;
  readonly waiting: number;
  /** 0 where it has not said. */
  readonly rowsMax: number;
  /** Prompt tokens not read yet and answer tokens still allowed. */
  readonly queuedTokens: number;
  /** Measured lately; 0 before the first request. */
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly kvUsage: number;
  readonly poolDigests: ReadonlySet<string>;
  readonly memoryDigests: ReadonlySet<string>;
  readonly loadingDigests: ReadonlySet<string>;
}

export type Tier = 'pool' | 'memory' | 'loading' | 'absent';

/** Share of the way to the next step that an adapter in each tier has behind it. */
const RESIDENCY: Readonly<Record<Tier, number>> = { pool: 1, memory: 0.8, loading: 0.5, absent: 0 };

/** The farthest of the adapters counts: all of them are needed. */
export function tierOf(facts: WorkerFacts, digests: readonly string[]): Tier {
  const tiers = digests.map((digest): Tier => {
    if (facts.poolDigests.has(digest)) return 'pool';
    if (facts.memoryDigests.has(digest)) return 'memory';
    return facts.loadingDigests.has(digest) ? 'loading' : 'absent';
  });
  return tiers.reduce((far, tier) => (RESIDENCY[tier] < RESIDENCY[far] ? tier : far), 'pool');
}

export const residencyOf = (facts: WorkerFacts, digests: readonly string[]): number =>
  RESIDENCY[tierOf(facts, digests)];

/**
 * Seconds until a prompt of so many tokens has its first answer token. A free row starts at once; otherwise
 * the queued tokens end at the measured speed, and of `n` requests that end one by one over that time the
 * next in line takes the place of the one after those that wait already. Answers rarely use all the tokens
 * that they may have, so this is rather too long than too short. 0 before anything was measured.
 */
export function secondsToFirstToken(facts: WorkerFacts, promptTokens: number): number {
  const { running, waiting, rowsMax, queuedTokens } = facts;
  const prefill = facts.prefillTokensPerSecond || facts.decodeTokensPerSecond;
  const decode = facts.decodeTokensPerSecond || facts.prefillTokensPerSecond;
  if (prefill <= 0) return 0;
  const own = promptTokens / prefill;
  const requests = running + waiting;
  if (requests < rowsMax) return own;
  return own + ((queuedTokens / decode) * (waiting + 1)) / (requests + 1);
}
