import {
  lds,
  metagradients,
  openTrainedRun,
  subsetOutcomes,
  TrainingHistory,
} from '@openledger/attribution/engine';
import { seededRandom } from '@openledger/transformer';
import type { Bench } from '../bench.js';
import { type Bed, type Length, openBed } from './bed.js';
import { groundTruth } from './ground-truth.js';
import { trainingOf } from './retrains.js';

const SUBSETS = 60;
const SEED = 1;
/** Long trainings have three times the steps. */
const QUERIES: Readonly<Record<Length, number>> = { s: 40, l: 16 };

/** Metagradients (MAGIC) against real retrains without a tenth, and a fiftieth, of the examples. */
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
  const { effects, seconds } = await effectsOf(bed, queries, log);
  const predicted = effects.map((row) => subsetOutcomes(truth.tenth.weights, row));
  const measured = queries.map((q) => truth.tenth.losses[q] ?? []);
  const result = lds(predicted, measured, seededRandom(SEED));
  return { ...result, seconds: seconds / queries.length, queries: queries.length };
}

/** Queries of all contributors in turn. */
function spread({ queries }: Bed, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * queries.length) / count));
}

async function effectsOf(bed: Bed, queries: readonly number[], log: (line: string) => void) {
  const trained = await openTrainedRun(trainingOf(bed));
  try {
    const started = performance.now();
    const history = await TrainingHistory.record(trained);
    const examples = queries.flatMap((q) => bed.queries[q] ?? []);
    const effects = await metagradients(trained, history, examples, {
      onProgress: (done, all) => {
        if (done % 24 === 0) log(`${bed.name}: ${done} of ${all} steps walked back`);
      },
    });
    return { effects, seconds: (performance.now() - started) / 1000 };
  } finally {
    await trained.run.release();
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
