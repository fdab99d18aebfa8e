import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bench, median } from '../bench.js';
import { PeerProcess } from '../peer-process.js';
import { peersFolder, root } from '../repository.js';
import { writeAdapterGguf, writeModelGguf } from './gguf.js';
import { halfBillion, randomAdapter, randomWeights } from './random-model.js';
import { PRECISION, ResidentEngine } from './resident-engine.js';

const ROWS = 8;
const RANK = 16;
const PAST = 128;
const THREADS = 2;
const ROUNDS = 8;
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
      const options = { adapterPages: (ROWS * RANK) / 8, past: PAST, threads: THREADS, weights };
      const ours = await ResidentEngine.open(halfBillion, options);
      const adapters = Array.from({ length: ROWS }, (_, seed) => ours.load({ rank: RANK, seed: seed + 1 }));
      const [many, single] = [ours.rows(ROWS), ours.rows(1)];
      const [first] = adapters;
      const ms = { one: [], adapted: [], all: [], theirOne: [], theirAdapted: [], theirAll: [] } as {
        [round in 'one' | 'adapted' | 'all' | 'theirOne' | 'theirAdapted' | 'theirAll']: number[];
      };
      await ours.decode(single, [first], 2);
      await ours.decode(many, adapters, 2);
      for (let round = 1; round <= ROUNDS; round += 1) {
        ms.theirAll.push(await theirs.ask('all'));
        ms.all.push(await ours.decode(many, adapters, ROUND_TOKENS));
        ms.theirOne.push(await theirs.ask('one'));
        ms.one.push(await ours.decode(single, [undefined], ROUND_TOKENS));
        ms.theirAdapted.push(await theirs.ask('adapted'));
        ms.adapted.push(await ours.decode(single, [first], ROUND_TOKENS));
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
        precision: PRECISION,
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
    roundTokens: ROUND_TOKENS,
  });
}
