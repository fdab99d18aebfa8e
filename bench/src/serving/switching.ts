import { type Bench, quantile } from '../bench.js';
import { halfBillion } from './random-model.js';
import { PRECISION, ResidentEngine } from './resident-engine.js';

const ROWS = 8;
const RANK = 16;
const PAST = 256;
const THREADS = 2;
const ROUNDS = 40;

/** A batch of mixed adapters against one adapter after the other, in the same engine. */
export const servingSwitching: Bench = {
  name: 'serving.switching',
  summary: `one token for ${ROWS} rows with ${ROWS} adapters of rank ${RANK}: mixed in one step, or adapter by adapter`,
  async run({ log }) {
    const engine = await ResidentEngine.open(halfBillion, {
      adapterPages: (ROWS * RANK) / 8,
      threads: THREADS,
      past: PAST,
    });
    const adapters = Array.from({ length: ROWS }, (_, seed) => engine.load({ rank: RANK, seed: seed + 1 }));
    const together = engine.rows(ROWS);
    const alone = engine.rows(1);
    const mixed: number[] = [];
    const switched: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const batch = await engine.step(together, adapters);
      let turns = 0;
      for (const adapter of adapters) turns += await engine.step(alone, [adapter]);
      if (round > 0) {
        mixed.push(batch);
        switched.push(turns);
      }
      if (round % 10 === 0) log(`round ${round}/${ROUNDS}: ${batch.toFixed(0)} ms, ${turns.toFixed(0)} ms`);
    }
    await engine.release();
    const [batch, turns] = [quantile(mixed, 0.25), quantile(switched, 0.25)];
    return {
      ratio: turns / batch,
      mixed_step_ms: batch,
      switched_ms: turns,
      tokens_per_s: (ROWS * 1_000) / batch,
      rows: ROWS,
      rank: RANK,
      past: PAST,
      threads: THREADS,
      precision: PRECISION,
    };
  },
};
