import { lds, subsetOutcomes } from '@openledger/attribution/engine';
import { seededRandom } from '@openledger/transformer';
import { NativeThread } from '@openledger/worker-thread';
import type { Bench } from '../bench.js';
import { type Bed, type Length, openBed } from './bed.js';
import { groundTruth } from './ground-truth.js';
import type { MetagradientAnswer } from './metagradient-worker.js';
import type { RetrainTask } from './retrain-worker.js';
import { trainingOf } from './retrains.js';

const SUBSETS = 60;
const SEED = 1;
/** A long training has three times the steps. */
const QUERIES: Readonly<Record<Length, number>> = { s: 40, l: 16 };

/** Metagradients (MAGIC) against real retrains without a tenth of the examples. */
export const attributionOracle: Bench = {
  name: 'attribution.oracle',
  summary: 'metagradients against retrains without a tenth of the examples',
  async run({ log }) {
    const short = await lengthOf('s', log);
    const long = await lengthOf('l', log);
    return { ...named('s', short), ...named('l', long), subsets: SUBSETS };
  },
};

async function lengthOf(length: Length, log: (line: string) => void) {
  const bed = await openBed(`tiny-${length}`);
  const truth = await groundTruth(bed, { tenth: SUBSETS }, log);
  const queries = spread(bed, QUERIES[length]);
  log(`${bed.name}: walking back over ${bed.recipe.schedule.steps} steps for ${queries.length} queries`);
  const halves = [queries.filter((_, i) => i % 2 === 0), queries.filter((_, i) => i % 2 === 1)];
  const answers = await Promise.all(halves.map((half) => effectsOf(bed, half)));
  const predicted = answers
    .flatMap(({ effects }) => effects)
    .map((row) => subsetOutcomes(truth.tenth.weights, row));
  const measured = halves.flat().map((q) => truth.tenth.losses[q] ?? []);
  const result = lds(predicted, measured, seededRandom(SEED));
  const seconds = answers.reduce((sum, answer) => sum + answer.seconds, 0) / queries.length;
  return { ...result, seconds, queries: queries.length };
}

/** So many queries of all contributors. */
function spread({ queries }: Bed, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * queries.length) / count));
}

/** In a thread of its own, on one core. */
async function effectsOf(bed: Bed, queries: readonly number[]): Promise<MetagradientAnswer> {
  const task: RetrainTask = {
    training: trainingOf(bed),
    queries: queries.flatMap((q) => bed.queries[q] ?? []),
  };
  const thread = new NativeThread(new URL('./metagradient-worker.js', import.meta.url), task);
  try {
    return await new Promise((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => reject(new Error(`a metagradient thread ended with code ${code}`)));
    });
  } finally {
    await thread.end();
  }
}

function named(length: Length, result: Awaited<ReturnType<typeof lengthOf>>): Record<string, number> {
  return {
    [`${length}_lds10`]: result.value,
    [`${length}_lds10_low`]: result.low,
    [`${length}_lds10_high`]: result.high,
    [`${length}_queries`]: result.queries,
    [`${length}_seconds_per_query`]: result.seconds,
  };
}
