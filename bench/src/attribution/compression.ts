import {
  exactProduct,
  lds,
  type Matrix,
  natsOf,
  quantiseQuery,
  quantiseRow,
  rowOf,
  subsetOutcomes,
} from '@openledger/attribution/engine';
import { seededRandom } from '@openledger/transformer';
import type { Bench } from '../bench.js';
import { type Bed, type BedName, bedNames, openBed } from './bed.js';
import { truthPlans } from './evaluation.js';
import { type GroundTruth, groundTruth, type Subsets } from './ground-truth.js';
import { influences, trained, vectorsOf } from './influence.js';

const DIMENSIONS = [256, 64] as const;
/** Of a row beside its vector: scale, cluster and record, as the index stores them. */
const SIDE_BYTES = 12;
const SEED = 1;

type Figures = Record<string, number>;

/** What an index row of one byte a dimension loses against float32 vectors that leave nothing out. */
export const attributionCompression: Bench = {
  name: 'attribution.compression',
  summary: 'rank correlation that int8 vectors of 256 and 64 dimensions lose, and their bytes',
  async run({ log }) {
    const figures: Figures = {};
    for (const name of bedNames) Object.assign(figures, await measureBed(name, log));
    const worst = (dimensions: number) =>
      Math.max(
        ...Object.entries(figures).flatMap(([key, value]) =>
          key.endsWith(`_loss_${dimensions}`) ? [value] : [],
        ),
      );
    return {
      lds_loss_256: worst(256),
      lds_loss_64: worst(64),
      bytes_256: 256 + SIDE_BYTES,
      bytes_64: 64 + SIDE_BYTES,
      ...figures,
    };
  },
};

async function measureBed(name: BedName, log: (line: string) => void): Promise<Figures> {
  const bed = await openBed(name);
  const truth = await groundTruth(bed, truthPlans[name], log);
  const run = await trained(bed);
  try {
    // As many dimensions as there can be: all that examples span.
    const whole = await vectorsOf(bed, run, Math.ceil(bed.examples.length / 64) * 64);
    const stored = await vectorsOf(bed, run, DIMENSIONS[0]);
    await whole.space.release();
    await stored.space.release();
    const exact = influences(whole);
    const prefix = name.replace('-', '_');
    const figures: Figures = {};
    for (const [kind, subsets] of Object.entries(subsetsOf(truth))) {
      const all = scoreOf(exact, subsets);
      figures[`${prefix}_${kind}`] = all;
      for (const k of DIMENSIONS) {
        figures[`${prefix}_${kind}_loss_${k}`] = all - scoreOf(stored8bit(bed, stored, k), subsets);
      }
    }
    for (const k of DIMENSIONS) {
      figures[`${prefix}_query_energy_${k}`] = energy(stored.queries, k) / energy(whole.queries);
    }
    return figures;
  } finally {
    await run.gradients.release();
  }
}

const subsetsOf = ({ half, tenth }: GroundTruth): Readonly<Record<string, Subsets>> => ({
  lds50: half,
  lds10: tenth,
});

/** Scores as a verifier computes them: products of integers of the first `k` dimensions. */
function stored8bit(
  { queries, examples }: Bed,
  vectors: { readonly records: Matrix; readonly queries: Matrix },
  k: number,
): Float64Array[] {
  const rows = examples.map((_, i) => quantiseRow(rowOf(vectors.records, i).subarray(0, k)));
  return queries.map((_, q) => {
    const query = quantiseQuery(rowOf(vectors.queries, q).subarray(0, k));
    return Float64Array.from(rows, ({ values, scale }) =>
      natsOf(exactProduct(values, query.values), scale, query.scale),
    );
  });
}

/** Values are influences, which help; losses fall by them. */
const scoreOf = (rows: readonly Float64Array[], { weights, losses }: Subsets): number =>
  lds(
    rows.map((row) =>
      subsetOutcomes(
        weights,
        row.map((value) => -value),
      ),
    ),
    losses,
    seededRandom(SEED),
  ).value;

/** Σ of squares of the first `k` columns. */
function energy({ rows, columns, data }: Matrix, k: number = columns): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < Math.min(k, columns); d++) sum += (data[row * columns + d] ?? 0) ** 2;
  }
  return sum;
}
