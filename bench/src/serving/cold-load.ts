import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterReference, EngineThread } from '@openledger/inference-worker/engine';
import { type Bench, median, quantile } from '../bench.js';
import { AdapterBench, askAdapted } from './adapter-engine.js';
import { halfBillion } from './random-model.js';

const RANK = 16;
const ADAPTERS = 8;
const ALONE_ROUNDS = 4;
const WINDOWS = 8;
const BYSTANDERS = 4;
/** From one cold request to the next, in times that a cold request takes: the loader is busy half of the time. */
const PERIOD = 2;
const SHORT = { tokens: [1, 2, 3, 4], answerTokens: 1 };
const LONG = { tokens: [5, 6, 7, 8], answerTokens: 200 };

interface Alone {
  /** Milliseconds to the first token. */
  readonly cold: number[];
  /** Beyond what the same request takes when its adapter is in the pool. */
  readonly extra: number[];
}

async function alone(engine: EngineThread, adapters: readonly AdapterReference[]): Promise<Alone> {
  const found: Alone = { cold: [], extra: [] };
  for (let round = 0; round <= ALONE_ROUNDS; round += 1) {
    for (const adapter of adapters) {
      const cold = await askAdapted(engine, { ...SHORT, adapter });
      const warm = await askAdapted(engine, { ...SHORT, adapter });
      // The first round compiles the loader's code.
      if (round > 0) {
        found.cold.push(cold);
        found.extra.push(cold - warm);
      }
      await engine.adapters.unload(adapter.digest);
    }
  }
  return found;
}

/** Rows that decode all the time, and what passes between two tokens of each. */
class Bystanders {
  private gaps: number[] = [];
  private stopped = false;
  private readonly rows: Promise<void>[];

  constructor(engine: EngineThread, adapters: readonly AdapterReference[]) {
    this.rows = adapters.map((adapter) => this.decode(engine, adapter));
  }

  /** Milliseconds between tokens since it was asked last. */
  taken(): number[] {
    const { gaps } = this;
    this.gaps = [];
    return gaps;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.rows);
  }

  private async decode(engine: EngineThread, adapter: AdapterReference): Promise<void> {
    while (!this.stopped) {
      let last: number | undefined;
      await askAdapted(engine, { ...LONG, adapter }, () => {
        const now = performance.now();
        if (last !== undefined) this.gaps.push(now - last);
        last = now;
      });
    }
  }
}

/** Gaps between tokens in one stretch of requests for adapters that were cold, and in one where they are there. */
interface Window {
  readonly cold: readonly number[];
  readonly warm: readonly number[];
}

/** The same requests at the same pace, in turn for adapters that have to be loaded and that are there. */
async function besideOthers(
  engine: EngineThread,
  cold: readonly AdapterReference[],
  bystanding: readonly AdapterReference[],
  periodMs: number,
): Promise<{ readonly windows: readonly Window[]; readonly firstMs: number[] }> {
  const bystanders = new Bystanders(engine, bystanding);
  const windows: Window[] = [];
  const firstMs: number[] = [];
  const stretch = async () => {
    bystanders.taken();
    const asked: Promise<number>[] = [];
    for (const adapter of cold) {
      asked.push(askAdapted(engine, { ...SHORT, adapter }));
      await sleep(periodMs);
    }
    return { took: await Promise.all(asked), gaps: bystanders.taken() };
  };
  await sleep(4 * periodMs);
  for (let window = 0; window < WINDOWS; window += 1) {
    const first = await stretch();
    const second = await stretch();
    windows.push({ cold: first.gaps, warm: second.gaps });
    firstMs.push(...first.took);
    for (const { digest } of cold) await engine.adapters.unload(digest);
  }
  await bystanders.stop();
  return { windows, firstMs };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of the windows, each compared with itself: the machine may be faster in one than in another. */
const rise = (windows: readonly Window[], of: (gaps: readonly number[]) => number) =>
  median(windows.map(({ cold, warm }) => of(cold) / of(warm) - 1));

/** How long an adapter that nobody used lately keeps its first request waiting, and everybody else. */
export const servingColdLoad: Bench = {
  name: 'serving.cold-load',
  summary: 'an adapter of 17.6 MB from disk to its first step, and what other rows feel of it',
  async run({ log }) {
    const pooledMs: number[] = [];
    const bench = await AdapterBench.open(halfBillion);
    try {
      const adapters: AdapterReference[] = [];
      for (let seed = 1; seed <= ADAPTERS + BYSTANDERS; seed += 1) {
        adapters.push(await bench.store({ rank: RANK, seed }));
      }
      const [cold, bystanding] = [adapters.slice(0, ADAPTERS), adapters.slice(ADAPTERS)];
      const engine = await bench.engine(
        { adapterPages: 64, adapterCacheBytes: 2 * adapters.length * bench.fileBytes },
        (note) => {
          if (note.note === 'pooled') pooledMs.push(1_000 * note.seconds);
        },
      );
      const { cold: coldMs, extra } = await alone(engine, cold);
      log(`alone: ${median(extra).toFixed(0)} ms more than warm`);
      const periodMs = PERIOD * median(coldMs);
      const { windows, firstMs } = await besideOthers(engine, cold, bystanding, periodMs);
      log(`others: ${(100 * rise(windows, median)).toFixed(0)} % more between tokens`);
      return {
        p50_ms: median(extra),
        p95_ms: quantile(extra, 0.95),
        memory_to_pool_ms: median(pooledMs),
        itl_rise: rise(windows, median),
        itl_rise_mean: rise(windows, mean),
        itl_warm_ms: median(windows.map(({ warm }) => median(warm))),
        first_token_beside_others_ms: median(firstMs),
        file_mb: bench.fileBytes / 1e6,
        layers: halfBillion.layerCount,
        cold_loads: extra.length + firstMs.length,
        between_loads_ms: periodMs,
        other_rows: BYSTANDERS,
      };
    } finally {
      await bench.close();
    }
  },
};
