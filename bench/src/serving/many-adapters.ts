import { setTimeout as sleep } from 'node:timers/promises';
import type { AdapterReference, EngineThread } from '@openledger/inference-worker/engine';
import { seededRandom } from '@openledger/transformer';
import { type Bench, median } from '../bench.js';
import { type AdaptedQuestion, AdapterBench, askAdapted } from './adapter-engine.js';
import { withLayers } from './random-model.js';
import { randomPrompt } from './worker-engine.js';

const LAYERS = 8;
const RANK = 8;
const REGISTERED = 10_000;
const PAGES = 64;
/** Adapters that memory holds, of the one engine and of the other. */
const [FEW, ALL] = [64, 256];
const REQUESTS = 48;
const ROUNDS = 4;
const [PROMPT_TOKENS, ANSWER_TOKENS] = [16, 16];
/** Requests under way: as many as rows, and as many waiting. */
const UNDER_WAY = 16;

/** Ranks drawn by Zipf's law with exponent 1: the k-th most popular comes 1 / k as often as the first. */
function zipf(size: number, random: () => number): () => number {
  const shares = Array.from({ length: size }, (_, at) => 1 / (at + 1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let reached = 0;
  const cumulative = shares.map((share) => (reached += share / total));
  return () => {
    const drawn = random();
    const found = cumulative.findIndex((sum) => sum > drawn);
    return found === -1 ? size - 1 : found;
  };
}

/** Tokens a second, with always as many requests under way. */
async function serve(engine: EngineThread, questions: readonly AdaptedQuestion[]): Promise<number> {
  const waiting = [...questions];
  const begun = performance.now();
  const worker = async () => {
    for (let question = waiting.shift(); question; question = waiting.shift()) {
      await askAdapted(engine, question);
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, worker));
  return (1_000 * questions.length * ANSWER_TOKENS) / (performance.now() - begun);
}

/** One after the other, so that what is on its way never has to make room. */
async function preload(engine: EngineThread, adapters: readonly AdapterReference[]): Promise<void> {
  for (const [index, adapter] of adapters.entries()) {
    engine.adapters.prefetch(adapter);
    while (engine.load.adapters.memoryDigests.length <= index) await sleep(2);
  }
}

/** Which adapters a round of each kind asks for, by rank of popularity. */
function traces(random: () => number): Readonly<Record<'zipf' | 'eight' | 'wide', number[][]>> {
  const rounds = (draw: () => number) =>
    Array.from({ length: ROUNDS + 1 }, () => Array.from({ length: REQUESTS }, draw));
  return {
    zipf: rounds(zipf(REGISTERED, random)),
    eight: rounds(() => Math.floor(8 * random())),
    wide: rounds(() => Math.floor(ALL * random())),
  };
}

/** Whether thousands of adapters cost more than the few that are used at a time. */
export const servingManyAdapters: Bench = {
  name: 'serving.many-adapters',
  summary: 'thousands of adapters by Zipf against eight, and a working set four times the memory',
  async run({ log }) {
    const model = withLayers(LAYERS);
    const random = seededRandom(17);
    const asked = traces(random);
    const bench = await AdapterBench.open(model);
    try {
      const ranks = new Set([...Array(ALL).keys(), ...asked.zipf.flat()]);
      const stored = new Map<number, AdapterReference>();
      for (const rank of ranks) stored.set(rank, await bench.store({ rank: RANK, seed: rank + 1 }));
      log(`${stored.size} of ${REGISTERED} adapters are ever asked for and written`);
      const open = (count: number) =>
        bench.engine({ adapterPages: PAGES, adapterCacheBytes: count * bench.fileBytes });
      const [small, large] = [await open(FEW), await open(ALL)];
      const questions = (ofRanks: readonly number[]): AdaptedQuestion[] =>
        ofRanks.flatMap((rank) => {
          const adapter = stored.get(rank);
          const tokens = randomPrompt(PROMPT_TOKENS, random, model.vocabSize);
          return adapter ? [{ tokens, answerTokens: ANSWER_TOKENS, adapter }] : [];
        });
      log('both engines are open');
      // What fits is there before it is measured.
      await preload(
        large,
        [...Array(ALL).keys()].flatMap((rank) => stored.get(rank) ?? []),
      );
      const rates = { zipf: [0], eight: [0], wideSmall: [0], wideLarge: [0] };
      for (let round = 0; round <= ROUNDS; round += 1) {
        const measured = {
          zipf: await serve(small, questions(asked.zipf[round] ?? [])),
          eight: await serve(small, questions(asked.eight[round] ?? [])),
          wideSmall: await serve(small, questions(asked.wide[round] ?? [])),
          wideLarge: await serve(large, questions(asked.wide[round] ?? [])),
        };
        // The first round fills memory.
        if (round === 0) continue;
        for (const name of Object.keys(rates) as (keyof typeof rates)[]) rates[name].push(measured[name]);
        log(`zipf ${measured.zipf.toFixed(0)}, eight ${measured.eight.toFixed(0)} tokens/s`);
        log(
          `beyond memory ${measured.wideSmall.toFixed(0)}, within ${measured.wideLarge.toFixed(0)} tokens/s`,
        );
      }
      const rate = (name: keyof typeof rates) => median(rates[name].slice(1));
      return {
        ratio: rate('zipf') / rate('eight'),
        cliff: rate('wideSmall') / rate('wideLarge'),
        zipf_tokens_per_s: rate('zipf'),
        eight_tokens_per_s: rate('eight'),
        registered: REGISTERED,
        written: stored.size,
        asked_for_by_zipf: new Set(asked.zipf.slice(1).flat()).size,
        pages: PAGES,
        memory_adapters: FEW,
        working_set_of_memory: ALL / FEW,
        layers: LAYERS,
        rank: RANK,
        file_mb: bench.fileBytes / 1e6,
      };
    } finally {
      await bench.close();
    }
  },
};
