import { type Job, Router, WorkerBook } from '@openledger/inference-gateway/routing';
import { sha256 } from '@openledger/kernel';
import { seededRandom } from '@openledger/transformer';
import {
  COMPLETION_TOKENS_MAX,
  type SimulatedRequest,
  SimulatedWorker,
  type WorkerShape,
} from './simulated-worker.js';
import { TimeLine } from './time-line.js';

/** Whom a request goes to: by the gateway's own code, by lot, or to whom has the fewest requests. */
export type Policy = 'routed' | 'random' | 'fewest';

export interface Scenario {
  readonly policy: Policy;
  readonly seed: number;
  readonly workers: number;
  readonly shape: WorkerShape;
  readonly adapters: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** One worker is lost after a third of the requests, and an empty one comes after two thirds. */
  readonly churn: boolean;
}

export interface Outcome {
  readonly coldLoads: number;
  /** Milliseconds, of all requests that had one. */
  readonly firstTokens: readonly number[];
  /** The most that a worker served against the mean; of those that were there all the time. */
  readonly imbalance: number;
}

const STATUS_EVERY_MS = 500;
const PROMPT_TOKENS = { min: 32, max: 512 };
const COMPLETION_TOKENS_MEAN = 64;

/** Plays one scenario; the same seed gives the same requests at the same times under every policy. */
export function simulate(scenario: Scenario): Outcome {
  return new Simulation(scenario).play();
}

class Simulation {
  private readonly line = new TimeLine();
  private readonly workers = new Map<string, SimulatedWorker>();
  private readonly gone: SimulatedWorker[] = [];
  private readonly books = new Map<string, WorkerBook>();
  private readonly jobs = new Map<number, { readonly address: string; readonly job: Job }>();
  private readonly router = new Router();
  private readonly firstTokens: number[] = [];
  private readonly lots: () => number;
  private now = 0;
  private open: number;

  constructor(private readonly scenario: Scenario) {
    this.lots = seededRandom(scenario.seed + 1);
    this.open = scenario.requests;
    for (let index = 0; index < scenario.workers; index += 1) this.addWorker(`10.0.0.${index + 1}:9090`);
  }

  play(): Outcome {
    const arrivals = plan(this.scenario);
    for (const request of arrivals) this.at(request.arrivedAt, () => this.send(request));
    if (this.scenario.churn) {
      this.at(arrivals[Math.floor(arrivals.length / 3)]?.arrivedAt ?? 0, () => this.loseWorker());
      this.at(arrivals[Math.floor((2 * arrivals.length) / 3)]?.arrivedAt ?? 0, () =>
        this.addWorker('10.0.0.99:9090'),
      );
    }
    this.readStatuses();
    this.line.run();
    const all = [...this.workers.values(), ...this.gone];
    const served = [...this.workers.values()]
      .slice(0, this.scenario.workers - 1)
      .map((worker) => worker.tokensServed);
    return {
      coldLoads: all.reduce((sum, worker) => sum + worker.coldLoads, 0),
      firstTokens: this.firstTokens,
      imbalance: (Math.max(...served) * served.length) / served.reduce((sum, tokens) => sum + tokens, 0),
    };
  }

  private at(time: number, run: () => void): void {
    this.line.at(time, () => {
      this.now = time;
      run();
    });
  }

  private addWorker(address: string): void {
    const worker = new SimulatedWorker(address, this.scenario.shape, {
      at: (time, run) => this.at(time, run),
      firstToken: ({ arrivedAt }, time) => this.firstTokens.push(time - arrivedAt),
      ended: (request) => {
        this.settle(request);
        this.open -= 1;
      },
    });
    this.workers.set(address, worker);
    this.books.set(address, new WorkerBook());
  }

  private loseWorker(): void {
    const [lost] = this.workers.values();
    if (!lost) return;
    this.workers.delete(lost.address);
    this.books.delete(lost.address);
    this.router.forget(lost.address);
    this.gone.push(lost);
    for (const request of lost.lose(this.now)) {
      this.settle(request);
      this.send(request);
    }
  }

  private readStatuses(): void {
    for (const [address, book] of this.books) {
      const worker = this.workers.get(address);
      if (worker) book.hear(worker.status(this.now), this.now);
    }
    if (this.open > 0) this.at(this.now + STATUS_EVERY_MS, () => this.readStatuses());
  }

  private send(request: SimulatedRequest): void {
    const worker = this.choose(request);
    const book = worker && this.books.get(worker.address);
    if (!worker || !book) throw new Error('there is always a worker');
    const tokens = request.promptTokens.length + COMPLETION_TOKENS_MAX;
    const job = book.begin({ tokens, begunAt: this.now });
    this.jobs.set(request.id, { address: worker.address, job });
    worker.take(request, this.now);
  }

  private choose(request: SimulatedRequest): SimulatedWorker | undefined {
    const all = [...this.workers.values()];
    switch (this.scenario.policy) {
      case 'random':
        return all[Math.floor(this.lots() * all.length)];
      case 'fewest': {
        const counts = new Map<string, number>();
        for (const { address } of this.jobs.values()) counts.set(address, (counts.get(address) ?? 0) + 1);
        const count = ({ address }: SimulatedWorker) => counts.get(address) ?? 0;
        return all.reduce((least, worker) => (count(worker) < count(least) ? worker : least));
      }
      case 'routed':
        return this.route(request);
    }
  }

  private route({ adapter, promptTokens }: SimulatedRequest): SimulatedWorker | undefined {
    const facts = [...this.books].map(([address, book]) => book.facts(address, true, this.now));
    const route = this.router.route(facts, { tenant: '', adapterDigests: [adapter], promptTokens }, this.now);
    for (const address of route.replicasToBe) this.workers.get(address)?.fetch(adapter, this.now);
    return this.workers.get(route.stops[0]?.address ?? '');
  }

  private settle({ id }: SimulatedRequest): void {
    const known = this.jobs.get(id);
    if (known) this.books.get(known.address)?.end(known.job);
    this.jobs.delete(id);
  }
}

/** Poisson arrivals, adapters by Zipf's law with exponent 1, answers of geometric length. */
function plan({ seed, adapters, requests, requestsPerSecond }: Scenario): SimulatedRequest[] {
  const random = seededRandom(seed);
  const weights = Array.from({ length: adapters }, (_, rank) => 1 / (rank + 1));
  const cumulative: number[] = [];
  for (const weight of weights) cumulative.push((cumulative.at(-1) ?? 0) + weight);
  const total = cumulative.at(-1) ?? 0;
  const digests = weights.map((_, rank) => sha256(`adapter ${rank}`));
  let arrivedAt = 0;
  return Array.from({ length: requests }, (_, id) => {
    arrivedAt += (-Math.log(1 - random()) / requestsPerSecond) * 1_000;
    const adapter = digests[firstAtLeast(cumulative, random() * total)] ?? '';
    const { min, max } = PROMPT_TOKENS;
    const length = min + Math.floor(random() * (max - min + 1));
    const promptTokens = Array.from({ length }, () => Math.floor(random() * 50_000));
    const drawn = 1 + Math.floor(-Math.log(1 - random()) * COMPLETION_TOKENS_MEAN);
    return { id, adapter, promptTokens, completionTokens: Math.min(drawn, COMPLETION_TOKENS_MAX), arrivedAt };
  });
}

function firstAtLeast(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
