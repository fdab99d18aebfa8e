import { type LdsResult, lds, spearman, subsetOutcomes } from '@openledger/attribution/engine';
import { seededRandom } from '@openledger/transformer';
import type { Bench, BenchContext } from '../bench.js';
import { type BedName, openBed } from './bed.js';
import { estimate, meanOf, named, truthPlans } from './evaluation.js';
import { type GroundTruth, groundTruth, type Subsets } from './ground-truth.js';
import { influences, trained, vectorsOf } from './influence.js';
import { type PeerRow, peerTable } from './peers/peer-table.js';

/** What each bed's figures are called by: the base model that is shipped counts, the tiny one stands beside it. */
const PREFIXES: Readonly<Record<BedName, string>> = {
  'seedling-s': 's_',
  'seedling-l': 'l_',
  'tiny-s': 'tiny_s_',
  'tiny-l': 'tiny_l_',
};
const SEED = 1;

interface Measured {
  /** `lds50`, `lds10`: removal of half and of a tenth. */
  readonly [figure: string]: LdsResult;
}

interface MethodRow extends Omit<PeerRow, 'influences'> {
  /** The better of its family by the mean of its figures, with what we know afterwards. */
  best: boolean;
  readonly figures: Record<string, number>;
}

/** Rank correlation of predicted with retrained losses, ours and others', on the same trained adapters. */
export const attributionLds: Bench = {
  name: 'attribution.lds',
  summary:
    'influence against retrains without half, and a tenth, of the examples; beside the methods of others',
  async run(context) {
    const figures: Record<string, number | string> = {};
    const table = new Map<string, MethodRow>();
    for (const [name, prefix] of Object.entries(PREFIXES) as [BedName, string][]) {
      Object.assign(figures, await measureBed(name, prefix, { ...context, table }));
    }
    return { ...figures, ...leastMargin(figures), methods: rowsOf(table) };
  },
};

async function measureBed(
  name: BedName,
  prefix: string,
  { table, ...context }: BenchContext & { readonly table: Map<string, MethodRow> },
): Promise<Record<string, number | string>> {
  const bed = await openBed(name);
  const truth = await groundTruth(bed, truthPlans[name], context.log);
  const run = await trained(bed);
  const vectors = await vectorsOf(bed, run).finally(() => run.gradients.release());
  await vectors.space.release();
  const ours = measured(influences(vectors), truth);
  const rows = await peerTable(bed, context);
  const theirs = rows.map((row) => ({ row, of: measured(row.influences, truth) }));
  const figures: Record<string, number | string> = {};
  for (const [figure, own] of Object.entries(ours)) {
    const key = `${prefix}${figure}`;
    const rivals = theirs.flatMap(({ row, of }) => {
      const result = of[figure];
      return result ? [{ row, result }] : [];
    });
    for (const { row, result } of rivals) addFigure(table, row, { key, value: result.value });
    Object.assign(figures, named(key, own));
    const best = rivals.toSorted((a, b) => b.result.value - a.result.value)[0];
    if (!best) continue;
    const ahead = own.queries.map((value, q) => value - (best.result.queries[q] ?? 0));
    Object.assign(figures, named(`${key}_margin`, estimate(ahead)), {
      [`${key}_best_peer`]: best.row.method,
    });
  }
  return { ...figures, ...named(`${prefix}ceiling`, estimate(agreementOfSeeds(truth))) };
}

/** Methods' numbers say what helps; outcomes are losses, which fall by it. */
function measured(rows: readonly Float64Array[], { half, tenth }: GroundTruth): Measured {
  const of = ({ weights, losses }: Subsets) =>
    lds(
      rows.map((row) =>
        subsetOutcomes(
          weights,
          row.map((value) => -value),
        ),
      ),
      losses,
      seededRandom(SEED),
    );
  return { lds50: of(half), lds10: of(tenth) };
}

/** The same subsets under two seeds: what nobody can be above who does not know the seed. */
function agreementOfSeeds({ half, otherSeed }: GroundTruth): number[] {
  return otherSeed.losses.map((other, q) => spearman(half.losses[q]?.subarray(0, other.length) ?? [], other));
}

function addFigure(
  table: Map<string, MethodRow>,
  { influences: _, ...row }: PeerRow,
  { key, value }: { readonly key: string; readonly value: number },
): void {
  const entry = table.get(row.method) ?? { ...row, best: false, figures: {} };
  entry.figures[key] = value;
  table.set(row.method, entry);
}

/** The four headline figures' least margin over the peer that is best in each, and the interval of that one. */
function leastMargin(figures: Readonly<Record<string, number | string>>): Record<string, number> {
  const keys = ['s_lds50', 'l_lds50', 's_lds10', 'l_lds10'].map((figure) => `${figure}_margin`);
  const least = keys.toSorted((a, b) => Number(figures[a]) - Number(figures[b]))[0] ?? '';
  const of = (end: string) => Number(figures[`${least}${end}`]);
  return named('margin_over_best_peer', { value: of(''), low: of('_low'), high: of('_high') });
}

/** The best first. */
function rowsOf(table: ReadonlyMap<string, MethodRow>): object[] {
  const ranked = [...table.values()].toSorted((a, b) => scoreOf(b) - scoreOf(a));
  const seen = new Set<string>();
  for (const row of ranked) {
    row.best = !seen.has(row.family);
    seen.add(row.family);
  }
  return ranked.map(({ method, family, source, asPublished, best, figures }) => ({
    method,
    family,
    as_published: asPublished,
    best_of_family: best,
    ...figures,
    source,
  }));
}

const scoreOf = ({ figures }: MethodRow): number => meanOf(Object.values(figures));
