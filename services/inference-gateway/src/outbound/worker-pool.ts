import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { type GetStatusResponse, type RunResponse, WorkerServiceClient } from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import { fromStatus, type Host, serviceMetadata } from '@openledger/service-host';
import type { EmbedAnswer, EmbedRequest, RunPiece, RunRequest, Workers } from '../application/ports.js';
import { rankWorkers, type WorkerLoad } from '../domain/rank-workers.js';
import { resolveWorkers } from './worker-directory.js';
import { toPiece, toWireEmbed, toWireRun } from './worker-messages.js';

interface PoolWorker extends WorkerLoad {
  readonly client: WorkerServiceClient;
  reachable: boolean;
  inFlight: number;
}

export interface WorkerPoolOptions {
  readonly addresses: readonly string[];
  readonly serviceToken: string;
  readonly runTimeoutMs: number;
  readonly log: Host['log'];
}

const ATTEMPTS_MAX = 3;
const WATCH_EVERY_MS = 2_000;
const STATUS_TIMEOUT_MS = 1_500;
/** Another worker may do better; anything else would fail there as well. */
const RETRYABLE = new Set<number>([status.UNAVAILABLE, status.RESOURCE_EXHAUSTED]);

/** The workers of one base model: found by name, watched, and chosen by adapter. */
export class WorkerPool implements Workers {
  private readonly workers = new Map<string, PoolWorker>();
  private timer: NodeJS.Timeout | undefined;
  private watching = false;

  constructor(private readonly options: WorkerPoolOptions) {}

  /** Finds the workers, and keeps an eye on them from then on. */
  async start(): Promise<void> {
    await this.watch();
    this.timer = setInterval(() => void this.watch(), WATCH_EVERY_MS);
    this.timer.unref();
  }

  /** Tries another worker when one refuses, but never after the first token. */
  async *run(request: RunRequest, signal: AbortSignal): AsyncGenerator<RunPiece> {
    const ranked = rankWorkers([...this.workers.values()], request.adapters[0]?.adapter.digest ?? '').slice(
      0,
      ATTEMPTS_MAX,
    );
    let refusal: DomainError | undefined;
    for (const worker of ranked) {
      let begun = false;
      try {
        for await (const piece of this.runOn(worker, request, signal)) {
          begun = true;
          yield piece;
        }
        return;
      } catch (error) {
        if (!isServiceError(error)) throw error;
        refusal = fromStatus(error, this.options.log);
        if (begun || signal.aborted || !RETRYABLE.has(error.code)) throw refusal;
        if (refusal.code === 'UPSTREAM_UNAVAILABLE') worker.reachable = false;
      }
    }
    const message = 'There is no worker at present: try again shortly.';
    throw refusal ?? new DomainError('unavailable', 'NO_WORKER', message);
  }

  embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedAnswer> {
    const [worker] = rankWorkers([...this.workers.values()], request.adapters[0]?.adapter.digest ?? '');
    if (!worker) throw new DomainError('unavailable', 'NO_WORKER', 'There is no worker at present.');
    const metadata = serviceMetadata(this.options.serviceToken);
    const options = { deadline: Date.now() + this.options.runTimeoutMs };
    return new Promise((resolve, reject) => {
      const call = worker.client.runEmbed(toWireEmbed(request), metadata, options, (error, response) => {
        if (error) reject(fromStatus(error, this.options.log));
        else {
          const { embeddings, adapterDigests } = response;
          resolve({ embeddings: embeddings.map(({ values }) => values), adapterDigests });
        }
      });
      signal.addEventListener('abort', () => call.cancel(), { once: true });
    });
  }

  async stop(requestId: string): Promise<void> {
    const metadata = serviceMetadata(this.options.serviceToken);
    const told = [...this.workers.values()].map(
      ({ client }) =>
        new Promise<void>((resolve) => client.stopRun({ requestId }, metadata, () => resolve())),
    );
    await Promise.all(told);
  }

  close(): void {
    clearInterval(this.timer);
    for (const { client } of this.workers.values()) client.close();
  }

  private async *runOn(
    worker: PoolWorker,
    request: RunRequest,
    signal: AbortSignal,
  ): AsyncGenerator<RunPiece> {
    const call = worker.client.run(toWireRun(request), serviceMetadata(this.options.serviceToken), {
      deadline: Date.now() + this.options.runTimeoutMs,
    });
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    worker.inFlight += 1;
    try {
      for await (const message of call) yield toPiece(message as RunResponse);
    } finally {
      worker.inFlight -= 1;
      signal.removeEventListener('abort', cancel);
      // A destroyed stream may still report its cancellation: nobody is left to hear it.
      call.on('error', () => undefined);
      call.cancel();
    }
  }

  private async watch(): Promise<void> {
    if (this.watching) return;
    this.watching = true;
    // A name server that is away for a moment must not take the workers away.
    const addresses = await resolveWorkers(this.options.addresses).catch(() => [...this.workers.keys()]);
    for (const address of addresses) {
      if (this.workers.has(address)) continue;
      const client = new WorkerServiceClient(address, credentials.createInsecure());
      this.workers.set(address, { address, client, reachable: true, inFlight: 0 });
    }
    for (const [address, { client, inFlight }] of this.workers) {
      if (addresses.includes(address) || inFlight > 0) continue;
      this.workers.delete(address);
      client.close();
    }
    await Promise.all([...this.workers.values()].map((worker) => this.observe(worker)));
    this.watching = false;
  }

  private observe(worker: PoolWorker): Promise<void> {
    const options = { deadline: Date.now() + STATUS_TIMEOUT_MS };
    const metadata = serviceMetadata(this.options.serviceToken);
    return new Promise((resolve) => {
      worker.client.getStatus({}, metadata, options, (error: ServiceError | null, _: GetStatusResponse) => {
        // Said once, and again after it was in order.
        if (error && worker.reachable) fromStatus(error, this.options.log);
        worker.reachable = error === null;
        resolve();
      });
    });
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}
