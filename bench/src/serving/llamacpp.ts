import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bench, median } from '../bench.js';
import { PeerProcess } from '../peer-process.js';
import { peersFolder, root } from '../repository.js';
import { Decoding } from './decoding.js';
import { writeAdapterGguf, writeModelGguf } from './gguf.js';
import { halfBillion, randomAdapter, randomWeights } from './random-model.js';

const ROWS = 8;
const RANK = 16;
const PAST = 128;
const THREADS = 2;
const ROUNDS = 8;
/** As in the peer's `decode.mjs`. */
const ROUND_TOKENS = 8;

/** Decoding against llama.cpp on the same weights: eight streams of eight adapters, and one stream. */
export const servingLlamacpp: Bench = {
  name: 'serving.llamacpp',
  summary: `tokens/s with ${ROWS} adapters and with one stream, against llama.cpp (Q8_0) through node-llama-cpp`,
  async run({ log, peer }) {
    const folder = await mkdtemp(join(root, '.cache', 'gguf-'));
    try {
      const weights = randomWeights(halfBillion);
      log('writing the model and its adapters as GGUF');
      const theirs = await startPeer(folder, weights);
      const options = {
        adapters: ROWS,
        rank: RANK,
        past: PAST,
        threads: THREADS,
        precision: 'int8',
      } as const;
      const ours = await Decoding.open(halfBillion, weights, options);
      const ms = { one: [], adapted: [], all: [], theirOne: [], theirAdapted: [], theirAll: [] } as {
        [round in 'one' | 'adapted' | 'all' | 'theirOne' | 'theirAdapted' | 'theirAll']: number[];
      };
      await ours.round(1, 2, true);
      await ours.round(ROWS, 2, true);
      for (let round = 1; round <= ROUNDS; round += 1) {
        ms.theirAll.push(await theirs.ask('all'));
        ms.all.push(await ours.round(ROWS, ROUND_TOKENS, true));
        ms.theirOne.push(await theirs.ask('one'));
        ms.one.push(await ours.round(1, ROUND_TOKENS, false));
        ms.theirAdapted.push(await theirs.ask('adapted'));
        ms.adapted.push(await ours.round(1, ROUND_TOKENS, true));
        log(
          `round ${round}/${ROUNDS}: all ${ms.all.at(-1)?.toFixed(0)} ms, llama.cpp ${ms.theirAll.at(-1)?.toFixed(0)} ms`,
        );
      }
      await ours.release();
      for (const [name, version] of Object.entries(await theirs.end())) peer(name, version);
      const tokensPerSecond = (tokens: number, times: readonly number[]) => (tokens * 1_000) / median(times);
      return {
        ratio_8: median(ms.theirAll) / median(ms.all),
        ratio_1: median(ms.theirOne) / median(ms.one),
        ratio_1_adapted: median(ms.theirAdapted) / median(ms.adapted),
        tokens_per_s_8: tokensPerSecond(ROWS * ROUND_TOKENS, ms.all),
        tokens_per_s_1: tokensPerSecond(ROUND_TOKENS, ms.one),
        llamacpp_tokens_per_s_8: tokensPerSecond(ROWS * ROUND_TOKENS, ms.theirAll),
        llamacpp_tokens_per_s_1: tokensPerSecond(ROUND_TOKENS, ms.theirOne),
        rank: RANK,
        past: PAST,
        threads: THREADS,
        precision: 'int8',
        peer_precision: 'Q8_0',
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function startPeer(folder: string, weights: ReturnType<typeof randomWeights>): Promise<PeerProcess> {
  const model = join(folder, 'model.gguf');
  await writeModelGguf(model, halfBillion, weights);
  const adapters: string[] = [];
  for (let seed = 1; seed <= ROWS; seed += 1) {
    const path = join(folder, `adapter-${seed}.gguf`);
    await writeAdapterGguf(path, randomAdapter(halfBillion, { rank: RANK, seed }));
    adapters.push(path);
  }
  return PeerProcess.node('llamacpp/decode.mjs', {
    module: join(peersFolder, 'llamacpp', 'node_modules', 'node-llama-cpp', 'dist', 'index.js'),
    model,
    adapters,
    prompt: Array.from({ length: PAST }, (_, at) => at + 1),
    contextTokens: 1_024,
    threads: THREADS,
  });
}
