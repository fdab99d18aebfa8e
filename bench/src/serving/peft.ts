import { targetModules } from '@openledger/transformer';
import { type Bench, median } from '../bench.js';
import { PeerProcess } from '../peer-process.js';
import { halfBillion, randomModelFolder, randomWeights } from './random-model.js';
import { ResidentEngine } from './resident-engine.js';

const ROWS = 8;
const RANK = 16;
const PAST = 128;
const THREADS = 2;
const ROUNDS = 12;

/** One decoding step of a batch in which every row has another adapter, against PEFT on the same weights' shapes. */
export const servingPeft: Bench = {
  name: 'serving.peft',
  summary: `a step of ${ROWS} rows with ${ROWS} adapters of rank ${RANK}, against PEFT's mixed-adapter batches on torch`,
  async run({ log, peer }) {
    const model = await randomModelFolder(halfBillion);
    const theirs = await PeerProcess.python('mixed_adapters.py', {
      model,
      rank: RANK,
      alpha: 2 * RANK,
      target_modules: targetModules,
      adapters: ROWS,
      past: PAST,
      threads: THREADS,
    });
    const weights = randomWeights(halfBillion);
    const options = { adapterPages: (ROWS * RANK) / 8, past: PAST, threads: THREADS, weights };
    const int8 = mixed(await ResidentEngine.open(halfBillion, { ...options, precision: 'int8' }));
    const float32 = mixed(await ResidentEngine.open(halfBillion, { ...options, precision: 'float32' }));
    const ms = {
      int8: [] as number[],
      float32: [] as number[],
      peft: [] as number[],
      peftBase: [] as number[],
    };
    for (const ours of [int8, float32]) await ours.step();
    for (let round = 1; round <= ROUNDS; round += 1) {
      ms.peft.push(await theirs.ask('step'));
      ms.int8.push(await int8.step());
      ms.peftBase.push(await theirs.ask('base'));
      ms.float32.push(await float32.step());
      log(
        `round ${round}/${ROUNDS}: ${ms.int8.at(-1)?.toFixed(0)} ms, PEFT ${ms.peft.at(-1)?.toFixed(0)} ms`,
      );
    }
    for (const ours of [int8, float32]) await ours.release();
    for (const [name, version] of Object.entries(await theirs.end())) peer(name, version);
    const step = median(ms.int8);
    return {
      ratio: median(ms.peft) / step,
      ratio_float32: median(ms.peft) / median(ms.float32),
      step_ms: step,
      step_float32_ms: median(ms.float32),
      peft_step_ms: median(ms.peft),
      peft_base_step_ms: median(ms.peftBase),
      rows: ROWS,
      rank: RANK,
      past: PAST,
      threads: THREADS,
      precision: 'int8',
      peer_precision: 'float32',
    };
  },
};

function mixed(engine: ResidentEngine) {
  const adapters = Array.from({ length: ROWS }, (_, seed) => engine.load({ rank: RANK, seed: seed + 1 }));
  const cache = engine.rows(ROWS);
  return {
    step: () => engine.decode(cache, adapters, 1),
    release: () => engine.release(),
  };
}
