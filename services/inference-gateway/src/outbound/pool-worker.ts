import { credentials, type ServiceError } from '@grpc/grpc-js';
import { GetStatusResponse, WorkerServiceClient } from '@openledger/contracts';
import type { DomainError } from '@openledger/kernel';
import type { Signatory } from '../domain/receipt-check.js';
import { WorkerBook, type WorkerWord } from '../domain/worker-book.js';
import type { WorkerFacts } from '../domain/worker-facts.js';
import { BackOff } from './back-off.js';

/** A full worker has room again soon. */
const FULL_MS = 250;
const ADAPTER_OUT_MAX = 256;
const WORKER_DOWN: ReadonlySet<string> = new Set([
  'UPSTREAM_UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'VLLM_UNAVAILABLE',
]);

/** One worker: its last status, corrected by what this gateway has sent it and seen end since. */
export class PoolWorker {
  readonly client: WorkerServiceClient;
  readonly book = new WorkerBook();
  private said = GetStatusResponse.fromPartial({});
  /** The last status was asked for in vain. */
  private missed = false;
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

  /** False where the engine only generates, as vLLM's does. */
  get embeds(): boolean {
    return this.said.engine !== 'vllm';
  }

  /** Takes a status. True where the worker is not the one it was: it was started anew. */
  hear(response: GetStatusResponse, askedAt: number): boolean {
    const { publicKey } = this.said;
    const renewed = publicKey.length > 0 && Buffer.compare(publicKey, response.publicKey) !== 0;
    this.said = response;
    this.book.hear(wordOf(response), askedAt);
    this.failures.answered();
    this.missed = false;
    return renewed;
  }

  /** Nothing new goes to one that is away until it is heard of again. True the first time. */
  gaveNoStatus(isAway: boolean): boolean {
    if (isAway) this.failures.silent();
    const isFirst = !this.missed;
    this.missed = true;
    return isFirst;
  }

  /** A run has begun to answer. */
  succeeded(adapterDigests: readonly string[]): void {
    this.failures.clear();
    for (const digest of adapterDigests) this.adapterFailures.delete(digest);
  }

  /** What fails for an adapter is held against that adapter here; only what fails for all, against the worker. */
  failed({ code }: DomainError, adapterDigests: readonly string[], now: number): void {
    if (code === 'OVERLOADED') this.failures.until(now + FULL_MS);
    else if (WORKER_DOWN.has(code)) this.failures.failed(now);
    else this.adaptersFailed(adapterDigests, now);
  }

  /** The worker as a request for these adapters sees it now. */
  factsFor(adapterDigests: readonly string[], now: number): WorkerFacts {
    const out = [this.failures, ...adapterDigests.map((digest) => this.adapterFailures.get(digest))];
    const available = !out.some((failure) => failure?.isOut(now));
    return this.book.facts(this.address, available, now);
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

const wordOf = (response: GetStatusResponse): WorkerWord => ({
  ...response,
  poolDigests: new Set(response.poolAdapterDigests),
  memoryDigests: new Set(response.memoryAdapterDigests),
  loadingDigests: new Set(response.loadingAdapterDigests),
});
