import type { WorkerFacts } from './worker-facts.js';

/** A request that this gateway has at a worker. */
export interface Job {
  /** Of the prompt and, at most, of the answer. */
  readonly tokens: number;
  readonly begunAt: number;
  ended: boolean;
}

/** What a worker says of itself. */
export type WorkerWord = Omit<WorkerFacts, 'address' | 'available' | 'fresh'>;

/** Older than this, a status says nothing. */
const STALE_MS = 2_500;

/** A worker's last status, corrected by what this gateway has sent it and seen end since. */
export class WorkerBook {
  private readonly jobs = new Set<Job>();
  private word: WorkerWord | undefined;
  /** When the last status was asked for: what began later is missing in it. */
  private askedAt = Number.NEGATIVE_INFINITY;
  private endedSince = { requests: 0, tokens: 0 };

  get isIdle(): boolean {
    return this.jobs.size === 0;
  }

  hear(word: WorkerWord, askedAt: number): void {
    this.word = word;
    this.askedAt = askedAt;
    this.endedSince = { requests: 0, tokens: 0 };
  }

  begin(request: Omit<Job, 'ended'>): Job {
    const job = { ...request, ended: false };
    this.jobs.add(job);
    return job;
  }

  /** Harmless a second time. */
  end(job: Job): void {
    job.ended = true;
    if (!this.jobs.delete(job) || job.begunAt >= this.askedAt) return;
    this.endedSince.requests += 1;
    this.endedSince.tokens += job.tokens;
  }

  facts(address: string, available: boolean, now: number): WorkerFacts {
    const word = this.word ?? SILENT;
    const since = [...this.jobs].filter(({ begunAt }) => begunAt >= this.askedAt);
    const requests = word.running + word.waiting + since.length - this.endedSince.requests;
    const tokens = since.reduce((sum, job) => sum + job.tokens, word.queuedTokens) - this.endedSince.tokens;
    const running = Math.max(0, Math.min(requests, word.rowsMax));
    return {
      ...word,
      address,
      available,
      fresh: now - this.askedAt <= STALE_MS,
      running,
      waiting: Math.max(0, requests - running),
      queuedTokens: Math.max(0, tokens),
    };
  }
}

const SILENT: WorkerWord = {
  running: 0,
  waiting: 0,
  rowsMax: 0,
  queuedTokens: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  kvUsage: 0,
  poolDigests: new Set(),
  memoryDigests: new Set(),
  loadingDigests: new Set(),
};
