import { status } from '@grpc/grpc-js';
import { DomainError } from '@openledger/kernel';
import { type Counter, fromStatus, type Host } from '@openledger/service-host';
import type {
  EmbedAnswer,
  EmbedRequest,
  RunPiece,
  RunRequest,
  Workers,
  WorkRequest,
} from '../application/ports.js';
import { type Route, Router } from '../domain/router.js';
import { isServiceError, PoolWorker } from './pool-worker.js';
import { WorkerCalls } from './worker-calls.js';
import { resolveWorkers } from './worker-directory.js';
import { digestsOf } from './worker-messages.js';
import { WorkerMetrics } from './worker-metrics.js';

export interface WorkerPoolOptions {
  readonly addresses: readonly string[];
  /** Of the base model that they are to serve. */
  readonly baseDigest: string;
  readonly serviceToken: string;
  readonly runTimeoutMs: number;
  /** A request that would wait longer for its first token is refused. */
  readonly firstTokenLimitMs: number;
  readonly log: Host['log'];
  readonly metrics: Host['metrics'];
  readonly rejected: Counter<'reason'>;
}

interface Attempt {
  readonly request: WorkRequest;
  readonly route: Route;
  readonly signal: AbortSignal;
  readonly deadline: number;
}

const ATTEMPTS_MAX = 3;
const WATCH_EVERY_MS = 500;
/** Names change less often than loads. */
const RESOLVE_EVERY_MS = 2_000;
const RETRY_AFTER_MAX_SECONDS = 60;
/** A hint is not repeated while the worker may still be fetching. */
const HINT_AGAIN_MS = 5_000;
const HINTS_MAX = 1_024;
/** Another worker may do better; anything else would fail there as well. */
const RETRYABLE = new Set<number>([status.UNAVAILABLE, status.RESOURCE_EXHAUSTED]);

/** The workers of one base model: found by name, watched, and chosen by what they hold and how busy they are. */
export class WorkerPool implements Workers {
  private readonly workers = new Map<string, PoolWorker>();
  private readonly router = new Router();
  private readonly metrics: WorkerMetrics;
  private readonly calls: WorkerCalls;
  /** When a worker was last told to fetch an adapter, by both; the oldest first. */
  private readonly hints = new Map<string, number>();
  private resolvedAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private watching = false;

  constructor(private readonly options: WorkerPoolOptions) {
    this.metrics = new WorkerMetrics(options.metrics);
    this.calls = new WorkerCalls({ ...options, metrics: this.metrics });
  }

  /** Finds the workers, and keeps an eye on them from then on. */
  async start(): Promise<void> {
    await this.watch();
    this.timer = setInterval(() => void this.watch(), WATCH_EVERY_MS);
    this.timer.unref();
  }

  /** Tries another worker when one refuses, but never after the first token. */
  async *run(request: RunRequest, signal: AbortSignal): AsyncGenerator<RunPiece> {
    const attempt = this.attempt(request, request.promptTokens, signal, this.servers());
    let refusal: DomainError | undefined;
    for (const worker of this.inOrder(attempt.route)) {
      let begun = false;
      try {
        for await (const piece of this.calls.run(worker, request, attempt)) {
          if (!begun) this.answered(worker, attempt);
          begun = true;
          yield piece;
        }
        return;
      } catch (error) {
        refusal = this.refusalOf(error, worker, attempt, begun);
      }
    }
    throw refusal ?? noWorker();
  }

  async embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedAnswer> {
    const servers = this.servers();
    const embedding = servers.filter(({ embeds }) => embeds);
    if (servers.length > 0 && embedding.length === 0) throw embedsNowhere();
    const attempt = this.attempt(request, request.inputs.flat(), signal, embedding);
    let refusal: DomainError | undefined;
    for (const worker of this.inOrder(attempt.route)) {
      try {
        const answer = await this.calls.embed(worker, request, attempt);
        worker.succeeded(digestsOf(request));
        return answer;
      } catch (error) {
        refusal = this.refusalOf(error, worker, attempt, false);
      }
    }
    throw refusal ?? noWorker();
  }

  /** Whether some worker was heard of lately; one that is full is there all the same. */
  get isReachable(): boolean {
    const now = Date.now();
    return this.servers().some((worker) => worker.factsFor([], now).fresh);
  }

  close(): void {
    clearInterval(this.timer);
    for (const { client } of this.workers.values()) client.close();
  }

  /** @throws DomainError NO_WORKER, OVERLOADED */
  private attempt(
    request: WorkRequest,
    promptTokens: readonly number[],
    signal: AbortSignal,
    servers: readonly PoolWorker[],
  ): Attempt {
    const now = Date.now();
    const adapterDigests = digestsOf(request);
    const facts = servers.map((worker) => worker.factsFor(adapterDigests, now));
    if (facts.length === 0) {
      this.options.rejected.inc({ reason: 'no_worker' });
      throw noWorker();
    }
    const route = this.router.route(facts, { tenant: request.tenant, adapterDigests, promptTokens }, now);
    this.admit(route);
    this.hint(request, route, now);
    return { request, route, signal, deadline: now + this.options.runTimeoutMs };
  }

  /** Those that new requests may go to. */
  private servers(): PoolWorker[] {
    return [...this.workers.values()].filter(({ draining, isOurs }) => isOurs && !draining);
  }

  /** @throws DomainError OVERLOADED where every worker that can be judged would keep the caller waiting too long */
  private admit({ stops }: Route): void {
    const waits = stops.filter(({ eligible }) => eligible).map(({ waitSeconds }) => waitSeconds);
    const shortest = Math.min(...waits);
    const limit = this.options.firstTokenLimitMs / 1_000;
    if (waits.length === 0 || shortest <= limit) return;
    this.options.rejected.inc({ reason: 'first_token' });
    throw overloaded(Math.min(RETRY_AFTER_MAX_SECONDS, Math.max(1, Math.ceil(shortest - limit))));
  }

  /** Adapters come to the chosen worker, and to those that are to help it soon, before they are asked for. */
  private hint({ adapters }: WorkRequest, { stops, replicasToBe }: Route, now: number): void {
    const [chosen] = stops;
    const addresses = [chosen?.tier === 'absent' ? chosen.address : '', ...replicasToBe];
    for (const worker of addresses.map((address) => this.workers.get(address))) {
      for (const { adapter } of worker ? adapters : []) {
        if (worker && this.isNews(`${worker.address} ${adapter.digest}`, now)) {
          void this.calls.prefetch(worker, adapter);
        }
      }
    }
  }

  private isNews(hint: string, now: number): boolean {
    if (now - (this.hints.get(hint) ?? Number.NEGATIVE_INFINITY) < HINT_AGAIN_MS) return false;
    this.hints.delete(hint);
    this.hints.set(hint, now);
    const [oldest = ''] = this.hints.keys();
    if (this.hints.size > HINTS_MAX) this.hints.delete(oldest);
    return true;
  }

  private *inOrder({ stops }: Route): Generator<PoolWorker> {
    for (const { address, tier } of stops.slice(0, ATTEMPTS_MAX)) {
      const worker = this.workers.get(address);
      if (!worker) continue;
      this.metrics.routed.inc({ tier });
      yield worker;
    }
  }

  private answered(worker: PoolWorker, { request, route }: Attempt): void {
    worker.succeeded(digestsOf(request));
    this.router.answeredBy(worker.address, route);
  }

  /** What to tell the caller if no other worker does better. @throws DomainError where none could */
  private refusalOf(
    error: unknown,
    worker: PoolWorker,
    { request, signal, deadline }: Attempt,
    begun: boolean,
  ): DomainError {
    if (!isServiceError(error)) throw error;
    const refusal = fromStatus(error, this.options.log);
    if (signal.aborted || !RETRYABLE.has(error.code)) throw refusal;
    worker.failed(refusal, digestsOf(request), Date.now());
    if (begun || Date.now() >= deadline) throw refusal;
    this.metrics.retried.inc({ code: refusal.code.toLowerCase() });
    return refusal.code === 'OVERLOADED' ? overloaded(1) : refusal;
  }

  private async watch(): Promise<void> {
    if (this.watching) return;
    this.watching = true;
    try {
      if (Date.now() - this.resolvedAt >= RESOLVE_EVERY_MS) await this.resolve();
      await Promise.all([...this.workers.values()].map((worker) => this.observe(worker)));
    } finally {
      this.watching = false;
    }
  }

  private async resolve(): Promise<void> {
    // A name server that is away for a moment must not take the workers away.
    const addresses = await resolveWorkers(this.options.addresses).catch(() => [...this.workers.keys()]);
    this.resolvedAt = Date.now();
    for (const address of addresses) {
      if (!this.workers.has(address))
        this.workers.set(address, new PoolWorker(address, this.options.baseDigest));
    }
    for (const [address, worker] of this.workers) {
      worker.draining = !addresses.includes(address);
      if (!worker.draining || !worker.book.isIdle) continue;
      this.workers.delete(address);
      this.router.forget(address);
      worker.client.close();
    }
  }

  private async observe(worker: PoolWorker): Promise<void> {
    const { address, isOurs } = worker;
    const askedAt = Date.now();
    try {
      const renewed = worker.hear(await this.calls.status(worker), askedAt);
      if (renewed) this.router.forget(address);
      // Said once, and again after it was in order.
      if (isOurs && !worker.isOurs) this.options.log.error({ address }, 'a worker serves another base model');
    } catch (error) {
      // Any other error comes from a worker that is there.
      const isAway = isServiceError(error) && error.code === status.UNAVAILABLE;
      if (worker.gaveNoStatus(isAway))
        this.options.log.warn({ err: error, address }, 'a worker gives no status');
    }
  }
}

const noWorker = (): DomainError =>
  new DomainError('unavailable', 'NO_WORKER', 'There is no worker at present: try again shortly.', {
    details: { retryAfterSeconds: 5 },
  });

const embedsNowhere = (): DomainError =>
  new DomainError(
    'precondition',
    'EMBEDDINGS_UNSUPPORTED',
    'No worker here embeds: the operator has only engines that generate.',
  );

const overloaded = (retryAfterSeconds: number): DomainError =>
  new DomainError(
    'exhausted',
    'OVERLOADED',
    `Every worker has more to do than fits: try again in ${retryAfterSeconds} s.`,
    { details: { retryAfterSeconds } },
  );
