import { setTimeout as delay } from 'node:timers/promises';
import type { EngineThread } from '@openledger/inference-worker/engine';
import { type ModelConfig, seededRandom } from '@openledger/transformer';
import { type Bench, quantile } from '../bench.js';
import { withLayers } from './random-model.js';
import { ask, exponential, openEngine, randomPrompt } from './worker-engine.js';

const LAYERS = 4;
const ROUNDS = 4;
/** Of each load in each round. */
const LOAD_MS = 12_000;
const [PROMPT_TOKENS, ANSWER_TOKENS] = [256, 16];
/** How much more the greedy tenant asks for. */
const GREED = 10;
/** Share of what the engine can do that the normal tenant asks for. */
const NORMAL_SHARE = 0.2;

interface Load {
  /** Whom requests say they are for; the same for both is first come, first served. */
  readonly normal: string;
  readonly greedy: string | undefined;
}

const loads: Readonly<Record<string, Load>> = {
  alone: { normal: 'normal', greedy: undefined },
  fair: { normal: 'normal', greedy: 'greedy' },
  firstCome: { normal: '', greedy: '' },
};

/** Times to the first token of a tenant that asks at its own pace, whatever becomes of its requests. */
async function serve(engine: EngineThread, model: ModelConfig, load: Load, everyMs: number) {
  const random = seededRandom(31);
  const over = new AbortController();
  const send = async (tenant: string, meanMs: number, seed: number) => {
    const pace = seededRandom(seed);
    const sent: Promise<{ readonly firstMs: number }>[] = [];
    const begun = performance.now();
    for (;;) {
      await delay(exponential(meanMs, pace));
      if (performance.now() - begun > LOAD_MS) return sent;
      const tokens = randomPrompt(PROMPT_TOKENS, random, model.vocabSize);
      sent.push(ask(engine, { tokens, answerTokens: ANSWER_TOKENS, tenant }, over.signal));
    }
  };
  const flood = load.greedy === undefined ? [] : [send(load.greedy, everyMs / GREED, 37)];
  const normal = await send(load.normal, everyMs, 41);
  const timings = await Promise.all(normal);
  over.abort();
  for (const sent of await Promise.all(flood)) await Promise.all(sent);
  return timings.map(({ firstMs }) => firstMs);
}

/** What one tenant's flood does to another tenant's first tokens. */
export const servingFairness: Bench = {
  name: 'serving.fairness',
  summary: 'time to the first token of a normal tenant beside one that sends ten times as much',
  async run({ log }) {
    const model = withLayers(LAYERS);
    const engine = await openEngine(model, { prefillChunkTokens: 64 });
    try {
      const everyMs = (await requestMs(engine, model)) / NORMAL_SHARE;
      log(`the normal tenant asks every ${everyMs.toFixed(0)} ms`);
      const times = new Map<string, number[]>();
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [name, load] of Object.entries(loads)) {
          // So far off that once is enough.
          if (load.normal === load.greedy && round > 0) continue;
          const served = await serve(engine, model, load, everyMs);
          times.set(name, [...(times.get(name) ?? []), ...served]);
          log(`${name}: p95 ${quantile(served, 0.95).toFixed(0)} ms of ${served.length}`);
        }
      }
      const of = (name: string) => quantile(times.get(name) ?? [], 0.95);
      return {
        p95_ttft_rise: of('fair') / of('alone'),
        p95_ttft_rise_first_come: of('firstCome') / of('alone'),
        alone_p95_ttft_ms: of('alone'),
        fair_p95_ttft_ms: of('fair'),
        requests: times.get('fair')?.length,
        layers: LAYERS,
      };
    } finally {
      await engine.stop();
    }
  },
};

/** Milliseconds of the engine's time for one request among many. */
async function requestMs(engine: EngineThread, model: ModelConfig): Promise<number> {
  const random = seededRandom(29);
  const measure = async () => {
    const begun = performance.now();
    const count = 16;
    await Promise.all(
      Array.from({ length: count }, () =>
        ask(engine, {
          tokens: randomPrompt(PROMPT_TOKENS, random, model.vocabSize),
          answerTokens: ANSWER_TOKENS,
        }),
      ),
    );
    return (performance.now() - begun) / count;
  };
  await measure();
  return measure();
}
