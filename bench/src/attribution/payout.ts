import { positiveShares, spearman, totalVariation } from '@openledger/attribution/engine';
import type { Bench, BenchContext } from '../bench.js';
import { type Bed, type BedName, openBed } from './bed.js';
import { byContributor, estimate, meanOf, named, truthPlans } from './evaluation.js';
import { type GroundTruth, groundTruth } from './ground-truth.js';
import { influences, trained, vectorsOf } from './influence.js';
import { peerTable } from './peers/peer-table.js';

/** `tiny-s` is held against the exact Shapley values of its contributors, the others against leaving each out. */
const PREFIXES: Readonly<Record<BedName, string>> = {
  'tiny-s': 's_',
  'tiny-l': 'l_',
  'seedling-s': 'seedling_s_',
  'seedling-l': 'seedling_l_',
};

interface Payout {
  /** Total variation distance to the true shares, one number a query. */
  readonly distances: readonly number[];
  /** Rank correlation with what each contributor truly takes off the loss, one number a query. */
  readonly ranks: readonly number[];
}

/** Who is paid what of a query, by sums of influences, against what contributors' data did in retrains. */
export const attributionPayout: Bench = {
  name: 'attribution.payout',
  summary: 'shares of contributors against exact Shapley values and leave-one-out retrains',
  async run(context) {
    const figures: Record<string, number | string> = {};
    const methods = new Map<string, Record<string, number | string | boolean>>();
    for (const [name, prefix] of Object.entries(PREFIXES) as [BedName, string][]) {
      Object.assign(figures, await measureBed(name, prefix, { ...context, methods }));
    }
    return { ...figures, methods: [...methods.values()] };
  },
};

async function measureBed(
  name: BedName,
  prefix: string,
  {
    methods,
    ...context
  }: BenchContext & { readonly methods: Map<string, Record<string, number | string | boolean>> },
): Promise<Record<string, number | string>> {
  const bed = await openBed(name);
  const truth = await groundTruth(bed, truthPlans[name], context.log);
  const run = await trained(bed);
  const vectors = await vectorsOf(bed, run).finally(() => run.gradients.release());
  await vectors.space.release();
  const ours = payoutOf(bed, truth, influences(vectors));
  const rows = await peerTable(bed, context);
  const theirs = rows.map((row) => ({ row, payout: payoutOf(bed, truth, row.influences) }));
  const best = theirs.toSorted((a, b) => meanOf(a.payout.distances) - meanOf(b.payout.distances))[0];
  for (const { row, payout } of theirs) {
    const { method, family, asPublished, source } = row;
    const entry = methods.get(method) ?? { method, family, as_published: asPublished, source };
    methods.set(method, { ...entry, [`${prefix}tv`]: meanOf(payout.distances) });
  }
  return {
    ...named(`${prefix}tv`, estimate(ours.distances)),
    ...named(`${prefix}rank`, estimate(ours.ranks)),
    [`${prefix}equal_shares_tv`]: meanOf(equalShares(bed, truth).distances),
    ...(best && {
      [`${prefix}best_peer`]: best.row.method,
      [`${prefix}best_peer_tv`]: meanOf(best.payout.distances),
      ...named(
        `${prefix}ahead_of_best_peer`,
        estimate(best.payout.distances.map((distance, q) => distance - (ours.distances[q] ?? 0))),
      ),
    }),
  };
}

function payoutOf(bed: Bed, { contributors }: GroundTruth, rows: readonly Float64Array[]): Payout {
  const sums = rows.map((row) => byContributor(bed, row));
  return {
    distances: sums.map((sum, q) =>
      totalVariation(positiveShares(sum), positiveShares(contributors[q] ?? [])),
    ),
    ranks: sums.map((sum, q) => spearman(sum, contributors[q] ?? [])),
  };
}

/** What paying everybody alike would cost: the scale of the distances. */
function equalShares(bed: Bed, truth: GroundTruth): Payout {
  const alike = new Float64Array(bed.examples.length).fill(1);
  return payoutOf(
    bed,
    truth,
    bed.queries.map(() => alike),
  );
}
