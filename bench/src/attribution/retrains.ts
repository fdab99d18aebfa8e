import { join } from 'node:path';
import { RetrainCache, scoredTokens, type Training } from '@openledger/attribution/engine';
import { NativeThread } from '@openledger/worker-thread';
import { root } from '../repository.js';
import type { Bed } from './bed.js';
import type { RetrainAnswer, RetrainOrder, RetrainTask } from './retrain-worker.js';

/** What is retrained and asked about; a bed, or one with other examples or queries. */
export type RetrainBed = Pick<Bed, 'name' | 'base' | 'examples' | 'queries' | 'recipe'>;

export interface RetrainJob {
  /** Of each example; 0 leaves it out. */
  readonly weights: ArrayLike<number>;
  /** Another than the recipe's. */
  readonly seed?: number;
}

const WORKERS = 2;
/** More threads to a worker would give other bits, and two workers are faster than two threads. */
const THREADS = 1;
const PROGRESS_EVERY_MS = 10_000;
const cacheFolder = join(root, '.cache', 'attribution', 'retrains');

/** The training of a bed, as retrains run it. */
export function trainingOf({ base, recipe, examples }: Omit<RetrainBed, 'name' | 'queries'>): Training {
  const { config, weights } = base;
  return { base: { config, weights }, recipe, examples, options: { threads: THREADS } };
}

/**
 * The mean NLL of each query after a training with each of these weightings, in their order. Kept under
 * `.cache/attribution` by the hash of all that decides them; what is missing is trained in two threads.
 */
export async function retrains(
  bed: RetrainBed,
  jobs: readonly RetrainJob[],
  log: (line: string) => void,
): Promise<Float64Array[]> {
  const training = trainingOf(bed);
  const seeds = [...new Set(jobs.map(({ seed = bed.recipe.seed }) => seed))];
  const caches = new Map<number, RetrainCache>();
  for (const seed of seeds) {
    const seeded = { ...training, recipe: { ...bed.recipe, seed } };
    caches.set(seed, await RetrainCache.open(cacheFolder, seeded, bed.queries));
  }
  const results = new Array<Float64Array | undefined>(jobs.length);
  const missing: RetrainOrder[] = [];
  for (const [order, { weights, seed = bed.recipe.seed }] of jobs.entries()) {
    results[order] = await caches.get(seed)?.read(weights);
    if (!results[order]) missing.push({ order, weights: Float64Array.from(weights), seed });
  }
  // Together by seed, because a worker opens its graph anew for another.
  missing.sort((a, b) => a.seed - b.seed || a.order - b.order);
  await retrainAll(
    { training, queries: bed.queries },
    missing,
    async ({ order, weights, seed }, ask) => {
      const cache = caches.get(seed);
      // Another process may have been faster.
      results[order] = (await cache?.read(weights)) ?? (await ask()).losses;
      await cache?.write(weights, results[order]);
    },
    progressOf(bed.name, missing.length, log),
  );
  const tokens = bed.queries.map(scoredTokens);
  return results.map((losses) => perToken(losses, tokens));
}

function perToken(losses: Float64Array | undefined, tokens: readonly number[]): Float64Array {
  if (!losses) throw new Error('a retrain gave no losses');
  return losses.map((loss, q) => loss / (tokens[q] ?? 1));
}

async function retrainAll(
  task: RetrainTask,
  orders: readonly RetrainOrder[],
  settle: (order: RetrainOrder, ask: () => Promise<RetrainAnswer>) => Promise<void>,
  progress: () => void,
): Promise<void> {
  const waiting = [...orders];
  const worker = async (): Promise<void> => {
    const thread = new NativeThread(new URL('./retrain-worker.js', import.meta.url), task);
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const order = next;
        await settle(order, () => askThread(thread, order));
        progress();
      }
    } finally {
      await thread.end();
    }
  };
  const workers = Array.from({ length: Math.min(WORKERS, orders.length) }, worker);
  // All threads end before an error of one is told.
  for (const { status, ...outcome } of await Promise.allSettled(workers)) {
    if (status === 'rejected' && 'reason' in outcome) throw outcome.reason;
  }
}

async function askThread(thread: NativeThread, order: RetrainOrder): Promise<RetrainAnswer> {
  const listening = new AbortController();
  try {
    return await new Promise<RetrainAnswer>((resolve, reject) => {
      const on = <T>(event: string, listener: (value: T) => void) => {
        thread.on(event, listener);
        listening.signal.addEventListener('abort', () => thread.off(event, listener));
      };
      on('message', resolve);
      on('error', reject);
      on('exit', (code: number) => reject(new Error(`a retraining thread ended with code ${code}`)));
      thread.postMessage(order);
    });
  } finally {
    listening.abort();
  }
}

function progressOf(name: string, all: number, log: (line: string) => void): () => void {
  const started = performance.now();
  let done = 0;
  let told = started;
  return () => {
    done += 1;
    const now = performance.now();
    if (now - told < PROGRESS_EVERY_MS && done < all) return;
    told = now;
    const seconds = (now - started) / 1000;
    const left = Math.round((seconds / done) * (all - done));
    log(`${name}: ${done} of ${all} retrains in ${seconds.toFixed(0)} s, ${left} s left`);
  };
}
