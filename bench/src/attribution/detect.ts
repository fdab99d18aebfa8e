import { bootstrapInterval, type Estimate } from '@openledger/attribution/engine';
import { permutation, seededRandom } from '@openledger/transformer';
import type { Bench } from '../bench.js';
import { type Bed, type Length, openBed } from './bed.js';
import { auc, estimate, gradDot, greatest, meanOf, named } from './evaluation.js';
import { influences, trained, vectorsOf } from './influence.js';
import { type RetrainJob, retrains } from './retrains.js';
import { nonsenseMap, tinyExample } from './tiny-bed.js';

const CORRUPTED_SHARE = 0.2;
const CORRUPTION_SEED = 31;
const REMOVED = 40;
const BRITTLE_QUERIES = 10;
const RANDOM_REMOVALS = 2;
const REMOVAL_SEED = 53;

type Figures = Record<string, number>;
type Rows = readonly Float64Array[];

/** What influence is good for: whose data taught an answer, which data is wrong, what an answer rests on. */
export const attributionDetect: Bench = {
  name: 'attribution.detect',
  summary: "finding a query's own contributor, corrupted examples, and what a query's answer rests on",
  async run({ log }) {
    const short = await openBed('tiny-s');
    const long = await openBed('tiny-l');
    const ofLong = await scored(long);
    const ofShort = await scored(short);
    return {
      class_auc: Math.min(meanOf(ownAucs(short, ofShort.ours)), meanOf(ownAucs(long, ofLong.ours))),
      ...ownContributor('s', short, ofShort),
      ...ownContributor('l', long, ofLong),
      ...(await corrupted('s', short)),
      ...(await corrupted('l', long)),
      ...(await brittleness(long, ofLong, log)),
      queries: long.queries.length,
      examples: long.examples.length,
    };
  },
};

interface Scored {
  readonly ours: Rows;
  readonly gradDot: Rows;
}

async function scored(bed: Bed): Promise<Scored> {
  const run = await trained(bed);
  try {
    const vectors = await vectorsOf(bed, run);
    await vectors.space.release();
    return { ours: influences(vectors), gradDot: await gradDot(bed, run) };
  } finally {
    await run.gradients.release();
  }
}

/** Whether the examples of a query's own contributor stand above the others', and the share among as many. */
function ownContributor(length: Length, bed: Bed, of: Scored): Figures {
  return {
    ...named(`class_auc_${length}`, estimate(ownAucs(bed, of.ours))),
    ...named(`class_recall_${length}`, estimate(ownRecalls(bed, of.ours))),
    [`class_auc_${length}_graddot`]: meanOf(ownAucs(bed, of.gradDot)),
    [`class_recall_${length}_graddot`]: meanOf(ownRecalls(bed, of.gradDot)),
  };
}

const ownAucs = ({ owners, queryOwners }: Bed, rows: Rows): number[] =>
  rows.map((row, q) =>
    auc(
      row,
      owners.map((owner) => owner === queryOwners[q]),
    ),
  );

const ownRecalls = ({ owners, queryOwners }: Bed, rows: Rows): number[] =>
  rows.map((row, q) => {
    const count = owners.filter((owner) => owner === queryOwners[q]).length;
    return greatest(row, count).filter((at) => owners[at] === queryOwners[q]).length / count;
  });

/** Trains with a fifth of the examples saying nonsense, and looks for them among the least helpful. */
async function corrupted(length: Length, bed: Bed): Promise<Figures> {
  const random = seededRandom(CORRUPTION_SEED);
  const count = Math.floor(CORRUPTED_SHARE * bed.examples.length);
  const wrong = new Set(permutation(bed.examples.length, random).subarray(0, count));
  const examples = bed.examples.map((example, i) =>
    wrong.has(i) ? tinyExample(bed.owners[i] ?? 0, nonsenseMap(random), random) : example,
  );
  const { ours, gradDot: dot } = await scored({ ...bed, examples });
  const harm = (rows: Rows) => examples.map((_, i) => -meanOf(rows.map((row) => row[i] ?? 0)));
  const found = harm(ours);
  const of = (sample: ArrayLike<number>) =>
    auc(
      Array.from(sample, (i) => found[i] ?? 0),
      Array.from(sample, (i) => wrong.has(i)),
    );
  const all = [...examples.keys()];
  const interval = bootstrapInterval(all.length, of, seededRandom(1));
  return {
    ...named(`mislabel_auc_${length}`, { value: of(all), ...interval }),
    [`mislabel_auc_${length}_graddot`]: auc(
      harm(dot),
      all.map((i) => wrong.has(i)),
    ),
  };
}

/** Removes what most helped a query, trains again, and looks how much worse it is answered. */
async function brittleness(bed: Bed, of: Scored, log: (line: string) => void): Promise<Figures> {
  const { examples, queries } = bed;
  const chosen = Array.from({ length: BRITTLE_QUERIES }, (_, i) =>
    Math.floor((i * queries.length) / BRITTLE_QUERIES),
  );
  const random = seededRandom(REMOVAL_SEED);
  const removals = chosen.flatMap((q) => [
    greatest(of.ours[q] ?? [], REMOVED),
    greatest(of.gradDot[q] ?? [], REMOVED),
    ...Array.from({ length: RANDOM_REMOVALS }, () => [
      ...permutation(examples.length, random).subarray(0, REMOVED),
    ]),
  ]);
  const everybody: RetrainJob = { weights: new Float64Array(examples.length).fill(1) };
  const [full, ...after] = await retrains(bed, [everybody, ...removals.map(without(examples.length))], log);
  const rises = chosen.map((q, at) => {
    const [ours = 0, dot = 0, ...others] = after
      .slice(at * (2 + RANDOM_REMOVALS), (at + 1) * (2 + RANDOM_REMOVALS))
      .map((losses) => (losses[q] ?? 0) - (full?.[q] ?? 0));
    return { ours, dot, random: meanOf(others) };
  });
  return {
    ...named('brittleness', ratioOf(rises, 'dot')),
    brittleness_to_random: ratioOf(rises, 'random').value,
    brittleness_rise_nats: meanOf(rises.map(({ ours }) => ours)),
    brittleness_rise_graddot_nats: meanOf(rises.map(({ dot }) => dot)),
    brittleness_rise_random_nats: meanOf(rises.map((one) => one.random)),
    brittleness_queries: chosen.length,
  };
}

const without =
  (count: number) =>
  (removed: readonly number[]): RetrainJob => {
    const weights = new Float64Array(count).fill(1);
    for (const at of removed) weights[at] = 0;
    return { weights };
  };

type Rise = Readonly<Record<'ours' | 'dot' | 'random', number>>;

/** Ratio of mean rises; queries are drawn together, so its interval is a paired one. */
function ratioOf(rises: readonly Rise[], other: 'dot' | 'random'): Estimate {
  const of = (sample: ArrayLike<number>) => {
    let [ours, theirs] = [0, 0];
    for (let i = 0; i < sample.length; i++) {
      const rise = rises[sample[i] ?? 0];
      ours += rise?.ours ?? 0;
      theirs += rise?.[other] ?? 0;
    }
    return ours / theirs;
  };
  return { value: of([...rises.keys()]), ...bootstrapInterval(rises.length, of, seededRandom(1)) };
}
