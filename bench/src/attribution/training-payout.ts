import {
  contentClusters,
  KAPPA,
  noiseOf,
  scoredTokens,
  standingOf,
  type TrainingCredit,
  trainingCredit,
} from '@openledger/attribution/engine';
import type { Bed } from './bed.js';
import { type BedVectors, influences, trained, vectorsOf } from './influence.js';

/** Parts of the training pool by contributor, one row a query; what is missing to 1 is the reserve's. */
export type Payout = readonly Float64Array[];

/** Whose examples they are. */
export type OwnedExamples = Pick<Bed, 'examples' | 'owners' | 'contributors'>;
type Vectors = Pick<BedVectors, 'records' | 'queries'>;

/** Trains on the bed. */
export async function vectorsFor(bed: Bed): Promise<Vectors> {
  const run = await trained(bed);
  try {
    const { space, records, queries } = await vectorsOf(bed, run);
    await space.release();
    return { records, queries };
  } finally {
    await run.gradients.release();
  }
}

/** What the product pays whom of the training pool for each query. */
export function payoutOf(bed: OwnedExamples, vectors: Vectors): Payout {
  const { owners, contributors } = bed;
  const { data, columns } = vectors.records;
  const clusters = rowsByCluster(contentClusters({ data, width: columns }));
  const lengths = owners.map((_, row) => Math.hypot(...data.subarray(row * columns, (row + 1) * columns)));
  const tokens = bed.examples.map(scoredTokens);
  return influences(vectors).map((scores) => {
    const noise = noiseOf({ scores, lengths }, []);
    const standings = clusters.map((rows, cluster) => {
      const score = rows.reduce((sum, row) => sum + (scores[row] ?? 0), 0);
      return standingOf({ cluster, score, rows }, { scores, lengths }, { noise, kappa: KAPPA });
    });
    const credit = trainingCredit({
      clusters: standings.map(({ cluster }) => cluster),
      records: standings.flatMap(({ cluster: { cluster }, paid }) =>
        paid.map(({ row, score, deviation }) => ({
          cluster,
          contributorId: String(owners[row]),
          score,
          deviation,
          tokens: tokens[row] ?? 0,
          withdrawn: false,
        })),
      ),
      kappa: KAPPA,
      spanNats: new Map(),
      parties: new Map(),
    });
    return sharesOf(credit, contributors.length);
  });
}

/** Clusters are numbered in the order of their first rows. */
const rowsByCluster = (clusters: Uint32Array): number[][] => [
  ...Map.groupBy(clusters.keys(), (row) => clusters[row] ?? 0).values(),
];

function sharesOf({ contributors, reserve }: TrainingCredit, count: number): Float64Array {
  const whole = [...contributors.values()].reduce((sum, weight) => sum + weight, reserve);
  return Float64Array.from({ length: count }, (_, owner) => (contributors.get(String(owner)) ?? 0) / whole);
}
