import { seededRandom } from '@openledger/transformer';
import { type Bench, median } from '../bench.js';
import { halfBillion } from './random-model.js';
import { ask, openEngine, randomPrompt } from './worker-engine.js';

const PREFIX_TOKENS = 512;
const QUESTION_TOKENS = 16;
const ROUNDS = 12;
const MIB = 1_024 * 1_024;

/** What it is worth that the keys and values of a prefix shared by many prompts are kept. */
export const servingPrefix: Bench = {
  name: 'serving.prefix',
  summary: 'time to the first token after a shared prefix of 512 tokens, kept against read anew',
  async run({ log }) {
    const { vocabSize, layerCount } = halfBillion;
    const random = seededRandom(23);
    const shared = randomPrompt(PREFIX_TOKENS, random, vocabSize);
    const engine = await openEngine(halfBillion, { prefixCacheBytes: 256 * MIB });
    const first = async (prefix: readonly number[], cachedTokens: number) => {
      const tokens = [...prefix, ...randomPrompt(QUESTION_TOKENS, random, vocabSize)];
      const timing = await ask(engine, { tokens, answerTokens: 1 });
      if (timing.cachedTokens !== cachedTokens) {
        throw new Error(`${timing.cachedTokens} tokens were found instead of ${cachedTokens}`);
      }
      return timing.firstMs;
    };
    try {
      await first(shared, 0);
      await first(shared, PREFIX_TOKENS);
      const [hits, misses]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round += 1) {
        hits.push(await first(shared, PREFIX_TOKENS));
        misses.push(await first(randomPrompt(PREFIX_TOKENS, random, vocabSize), 0));
        log(`hit ${hits.at(-1)?.toFixed(0)} ms, miss ${misses.at(-1)?.toFixed(0)} ms`);
      }
      return {
        ttft_ratio: median(misses) / median(hits),
        hit_ttft_ms: median(hits),
        miss_ttft_ms: median(misses),
        prefix_tokens: PREFIX_TOKENS,
        question_tokens: QUESTION_TOKENS,
        layers: layerCount,
      };
    } finally {
      await engine.stop();
    }
  },
};
