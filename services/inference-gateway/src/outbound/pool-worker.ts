import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { GetStatusResponse, WorkerServiceClient } from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import type { Signatory } from '../domain/receipt-check.js';
import type { WorkerFacts } from '../domain/worker-facts.js';
import { BackOff } from './back-off.js';

/** A request that this gateway has at a worker. */
export interface Job {
  readonly requestId: string;
  /** Of the prompt and, at most, of the answer. */
  readonly tokens: number;
  readonly begunAt: number;
  ended: boolean;
}

/** Older than this, a status says nothing. */
const STALE_MS = 2_500;
/** A full worker has room again soon. */
const FULL_MS = 250;
const ADAPTER_OUT_MAX = 256;

/** One worker: its last status, corrected by what this gateway has sent it and seen end since. */
export class PoolWorker {
  readonly client: WorkerServiceClient;
  private readonly jobs = new Set<Job>();
  /** Of the last status: when it was asked for, so that what began later is known to be missing in it. */
  private askedAt = Number.NEGATIVE_INFINITY;
  private said = digested(GetStatusResponse.fromPartial({}));
  private endedSince = { requests: 0, tokens: 0 };
  private readonly failures = new BackOff();
  private readonly adapterFailures = new Map<string, BackOff>();
  /** No longer named by the directory: it finishes what it has and gets nothing new. */
  draining = false;

  constructor(
    readonly address: string,
    private readonly baseDigest: string,
  ) {
    this.client = new WorkerServiceClient(address, credentials.createInsecure());
  }

  /** By what its receipts are checked. */
  get signatory(): Signatory {
    return { publicKey: this.said.publicKey, baseDigest: this.baseDigest };
  }

  /** False for a worker of another base model, which must get nothing. */
  get isOurs(): boolean {
    return this.said.baseDigest === '' || this.said.baseDigest === this.baseDigest;
  }

  get isIdle(): boolean {
    return this.jobs.size === 0;
  }

  runs(requestId: string): boolean {
    return [...this.jobs].some((job) => job.requestId === requestId);
  }

  /** Takes a status. True where the worker is not the one it was: it was started anew. */
  hear(response: GetStatusResponse, askedAt: number): boolean {
    const { publicKey } = this.said;
    const renewed = publicKey.length > 0 && Buffer.compare(publicKey, response.publicKey) !== 0;
    this.said = digested(response);
    this.askedAt = askedAt;
    this.endedSince = { requests: 0, tokens: 0 };
    this.failures.answered();
    return renewed;
  }

  /** It did not answer. True the first time. */
  fellSilent(): boolean {
    return this.failures.silent();
  }

  begin(request: Pick<Job, 'requestId' | 'tokens'>): Job {
    const job = { ...request, begunAt: Date.now(), ended: false };
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

  /** A run has begun to answer. */
  succeeded(adapterDigests: readonly string[]): void {
    this.failures.clear();
    for (const digest of adapterDigests) this.adapterFailures.delete(digest);
  }

  failed({ code }: DomainError, grpcCode: number, adapterDigests: readonly string[], now: number): void {
    if (code === 'ADAPTER_UNAVAILABLE') this.adaptersFailed(adapterDigests, now);
    else if (grpcCode === status.RESOURCE_EXHAUSTED) this.failures.until(now + FULL_MS);
    else this.failures.failed(now);
  }

  /** The worker as a request for these adapters sees it now. */
  factsFor(adapterDigests: readonly string[], now: number): WorkerFacts {
    const since = [...this.jobs].filter(({ begunAt }) => begunAt >= this.askedAt);
    const { running, waiting, rowsMax, queuedTokens } = this.said;
    const requests = Math.max(0, running + waiting + since.length - this.endedSince.requests);
    const tokens = since.reduce((sum, job) => sum + job.tokens, queuedTokens) - this.endedSince.tokens;
    const out = [this.failures, ...adapterDigests.map((digest) => this.adapterFailures.get(digest))];
    return {
      ...this.said,
      address: this.address,
      available: !out.some((failure) => failure?.isOut(now)),
      fresh: now - this.askedAt <= STALE_MS,
      running: Math.min(requests, rowsMax),
      waiting: Math.max(0, requests - rowsMax),
      queuedTokens: Math.max(0, tokens),
    };
  }

  private adaptersFailed(digests: readonly string[], now: number): void {
    for (const digest of digests) {
      const failure = this.adapterFailures.get(digest) ?? new BackOff();
      failure.failed(now);
      // The newest last; the oldest is forgotten first.
      this.adapterFailures.delete(digest);
      this.adapterFailures.set(digest, failure);
    }
    for (const digest of this.adapterFailures.keys()) {
      if (this.adapterFailures.size <= ADAPTER_OUT_MAX) break;
      this.adapterFailures.delete(digest);
    }
  }
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}

const digested = (response: GetStatusResponse) => ({
  ...response,
  poolDigests: new Set(response.poolAdapterDigests),
  memoryDigests: new Set(response.memoryAdapterDigests),
  loadingDigests: new Set(response.loadingAdapterDigests),
});
