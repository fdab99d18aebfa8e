import type { WorkerWord } from '@openledger/inference-gateway/routing';
import { GreedyDual } from '@openledger/inference-worker/eviction';

export interface SimulatedRequest {
  readonly id: number;
  readonly adapter: string;
  readonly promptTokens: readonly number[];
  /** That it will have. */
  readonly completionTokens: number;
  readonly arrivedAt: number;
}

export interface WorkerShape {
  readonly rowsMax: number;
  readonly prefillTokensPerSecond: number;
  readonly rowTokensPerSecond: number;
  /** That memory holds, and of these the pool. */
  readonly adaptersInMemory: number;
  readonly adaptersInPool: number;
  /** To fetch and check one; one after the other. */
  readonly loadMs: number;
}

/** What a caller may ask for at most, which is all that a worker knows of an answer's length. */
export const COMPLETION_TOKENS_MAX = 256;

interface Running {
  readonly request: SimulatedRequest;
  readonly firstTokenAt: number;
  readonly endsAt: number;
}

export interface SimulatedWorkerEvents {
  readonly at: (time: number, run: () => void) => void;
  readonly firstToken: (request: SimulatedRequest, time: number) => void;
  readonly ended: (request: SimulatedRequest) => void;
}

/**
 * One worker as the scheduler sees it: rows, a queue that a missing adapter holds up for its own requests
 * only, single-flight loads, and a memory of adapters with the worker's own rule for what goes.
 */
export class SimulatedWorker {
  coldLoads = 0;
  tokensServed = 0;
  private lost = false;
  private readonly running = new Map<SimulatedRequest, Running>();
  private readonly ready: SimulatedRequest[] = [];
  private readonly wanting = new Map<string, SimulatedRequest[]>();
  /** In the order of last use. */
  private readonly memory = new Set<string>();
  private readonly eviction = new GreedyDual();
  private linkFreeAt = 0;

  constructor(
    readonly address: string,
    private readonly shape: WorkerShape,
    private readonly events: SimulatedWorkerEvents,
  ) {}

  take(request: SimulatedRequest, now: number): void {
    if (this.memory.has(request.adapter)) {
      this.touch(request.adapter);
      this.eviction.used(request.adapter);
      this.ready.push(request);
      this.fill(now);
      return;
    }
    this.fetch(request.adapter, now);
    this.wanting.get(request.adapter)?.push(request);
  }

  /** A hint: nothing happens where the adapter is or is coming. */
  fetch(adapter: string, now: number): void {
    if (this.memory.has(adapter) || this.wanting.has(adapter)) return;
    this.coldLoads += 1;
    this.wanting.set(adapter, []);
    this.linkFreeAt = Math.max(now, this.linkFreeAt) + this.shape.loadMs;
    const loadedAt = this.linkFreeAt;
    this.events.at(loadedAt, () => this.loaded(adapter, loadedAt));
  }

  /** Gone at once. Returns the requests that had no token yet, which can be asked again elsewhere. */
  lose(now: number): SimulatedRequest[] {
    this.lost = true;
    const begun = [...this.running.values()];
    const unread = begun.filter(({ firstTokenAt }) => firstTokenAt > now).map(({ request }) => request);
    for (const { request, firstTokenAt } of begun) if (firstTokenAt <= now) this.events.ended(request);
    return [...unread, ...this.ready, ...[...this.wanting.values()].flat()];
  }

  status(now: number): WorkerWord {
    const { rowsMax, prefillTokensPerSecond, rowTokensPerSecond, adaptersInPool } = this.shape;
    const waiting = [...this.ready, ...[...this.wanting.values()].flat()];
    const left = [...this.running.values()].map(({ request, firstTokenAt }) => {
      const told = ((now - firstTokenAt) / 1_000) * rowTokensPerSecond;
      return told < 0 ? request.promptTokens.length + COMPLETION_TOKENS_MAX : COMPLETION_TOKENS_MAX - told;
    });
    const queued = waiting.map(({ promptTokens }) => promptTokens.length + COMPLETION_TOKENS_MAX);
    const held = [...this.memory];
    return {
      running: this.running.size,
      waiting: waiting.length,
      rowsMax,
      queuedTokens: [...left, ...queued].reduce((sum, tokens) => sum + tokens, 0),
      prefillTokensPerSecond,
      decodeTokensPerSecond: rowsMax * rowTokensPerSecond,
      kvUsage: this.running.size / rowsMax,
      poolDigests: new Set(held.slice(-adaptersInPool)),
      memoryDigests: new Set(held),
      loadingDigests: new Set(this.wanting.keys()),
    };
  }

  private loaded(adapter: string, now: number): void {
    if (this.lost) return;
    this.touch(adapter);
    this.eviction.add(adapter, { bytes: 1, cost: this.shape.loadMs });
    this.ready.push(...(this.wanting.get(adapter) ?? []));
    this.wanting.delete(adapter);
    this.evict();
    this.fill(now);
  }

  private touch(adapter: string): void {
    this.memory.delete(adapter);
    this.memory.add(adapter);
  }

  private evict(): void {
    const used = new Set([...this.running.keys(), ...this.ready].map(({ adapter }) => adapter));
    while (this.memory.size > this.shape.adaptersInMemory) {
      const evicted = this.eviction.evict((adapter) => !used.has(adapter));
      if (evicted === undefined) return;
      this.memory.delete(evicted);
    }
  }

  private fill(now: number): void {
    while (this.running.size < this.shape.rowsMax) {
      const request = this.ready.shift();
      if (!request) return;
      this.start(request, now);
    }
  }

  private start(request: SimulatedRequest, now: number): void {
    const { prefillTokensPerSecond, rowTokensPerSecond } = this.shape;
    const firstTokenAt = now + (request.promptTokens.length / prefillTokensPerSecond) * 1_000;
    const endsAt = firstTokenAt + (request.completionTokens / rowTokensPerSecond) * 1_000;
    this.running.set(request, { request, firstTokenAt, endsAt });
    this.events.at(firstTokenAt, () => {
      if (!this.lost) this.events.firstToken(request, firstTokenAt);
    });
    this.events.at(endsAt, () => {
      if (this.lost) return;
      this.running.delete(request);
      this.tokensServed += request.promptTokens.length + request.completionTokens;
      this.events.ended(request);
      this.fill(endsAt);
    });
  }
}
