import { chanceAbove } from './chance.js';

/** One content cluster and one answer. */
export interface ClusterScore {
  readonly cluster: number;
  /** Σ over its records of their signed influence, nats. */
  readonly score: number;
  /** Of that sum by chance, se_K; nats. */
  readonly deviation: number;
}

/** One record of a cluster. */
export interface RecordScore {
  readonly cluster: number;
  readonly contributorId: string;
  /** Signed influence on the answer, nats. */
  readonly score: number;
  /** Of it by chance, nats. */
  readonly deviation: number;
  /** Tokens learnt from. */
  readonly tokens: number;
  /** Taken back since: it earns nothing, and nobody earns its part. */
  readonly withdrawn: boolean;
}

export interface TrainingEvidence {
  readonly clusters: readonly ClusterScore[];
  /** All of every cluster that is paid, and those that stand out of any. */
  readonly records: readonly RecordScore[];
  /** Standard errors that are taken off a cluster. */
  readonly kappa: number;
  /** By party: nats that the adapter added on its verbatim spans. */
  readonly spanNats: ReadonlyMap<string, number>;
  /** Of contributors who share one with others; absent means alone. */
  readonly parties: ReadonlyMap<string, string>;
}

/** Weights of the training pool; they need not sum to anything. */
export interface TrainingCredit {
  readonly contributors: ReadonlyMap<string, number>;
  /** All where nothing stands out of what chance gives. */
  readonly reserve: number;
}

/** Standard errors that are taken off a cluster: what retraining and attacks were measured with (ADR 0035). */
export const KAPPA = 1;
/** Verbatim spans only re-weight: by lexical evidence alone a third of the pool goes to the wrong (ADR 0035). */
const SPAN_WEIGHT = 0.25;
/** Standard errors of all clusters together below which none is paid. */
const CERTAINTY = 3;

/** Deviations at which a record stands out by itself: by chance one in 30,000 does. */
const STANDS_OUT = 4;

/** Whether a record is paid for itself, as a content that no other has. */
export const standsOut = ({ score, deviation }: Pick<RecordScore, 'score' | 'deviation'>): boolean =>
  score > STANDS_OUT * deviation;

/** A cluster without the records that stand out of it. */
export function restOf(
  { cluster, score, deviation }: ClusterScore,
  outstanding: readonly Pick<RecordScore, 'score' | 'deviation'>[],
): ClusterScore {
  const square = outstanding.reduce((left, record) => left - record.deviation ** 2, deviation ** 2);
  return {
    cluster,
    score: outstanding.reduce((left, record) => left - record.score, score),
    deviation: Math.sqrt(Math.max(0, square)),
  };
}

/**
 * What is above chance: a_K = max(0, s_K − κ·se_K). Sums are signed, so what harms an answer counts against what helps
 * it, and padding with junk does not pay.
 */
export const aboveChance = (
  { score, deviation }: Pick<ClusterScore, 'score' | 'deviation'>,
  kappa: number,
): number => Math.max(0, score - kappa * deviation);

/**
 * Who taught what the adapter added to an answer. Pay goes to clusters of content, and to single records that stand out
 * of theirs; inside a cluster to records by their influence above chance, then to whoever contributed them. An account's
 * name enters only the last, linear step, so splitting data over accounts changes nothing. What chance would have brought
 * goes to the reserve.
 */
export function trainingCredit(evidence: TrainingEvidence): TrainingCredit {
  const { records, kappa } = evidence;
  const contributors = new Map<string, number>();
  let withdrawn = 0;
  const pay = (record: RecordScore, weight: number) => {
    const { contributorId } = record;
    if (record.withdrawn) withdrawn += weight;
    else contributors.set(contributorId, (contributors.get(contributorId) ?? 0) + weight);
  };
  const byCluster = Map.groupBy(records, ({ cluster }) => cluster);
  const rests = evidence.clusters.map((cluster) => {
    const own = byCluster.get(cluster.cluster) ?? [];
    const alone = own.filter(standsOut);
    for (const record of alone) pay(record, aboveChance(record, kappa));
    const others = own.filter((record) => !standsOut(record));
    return { ...restOf(cluster, alone), others };
  });
  const chance = rests.map(({ deviation }) => chanceAbove(kappa * deviation, deviation));
  const expected = sum(chance.map(({ mean }) => mean));
  const error = Math.sqrt(sum(chance.map(({ variance }) => variance)));
  const total = sum(rests.map((rest) => aboveChance(rest, kappa)));
  if (total > expected + CERTAINTY * error) {
    for (const rest of rests) {
      const above = aboveChance(rest, kappa);
      const parts = above > 0 ? partsOf(rest.others) : [];
      for (const [at, record] of rest.others.entries()) pay(record, above * (parts[at] ?? 0));
    }
  }
  const paid = sum(contributors.values());
  if (!(paid > 0)) return { contributors: new Map(), reserve: 1 };
  return { contributors: withSpans(contributors, evidence), reserve: expected + withdrawn };
}

/** By influence above chance; by tokens where no record stands out by itself. */
function partsOf(records: readonly RecordScore[]): number[] {
  const above = records.map(({ score, deviation }) => Math.max(0, score - deviation));
  const weights = above.some((value) => value > 0) ? above : records.map(({ tokens }) => tokens);
  const total = sum(weights);
  return weights.map((weight) => (total > 0 ? weight / total : 1 / weights.length));
}

/** Spans support influence and never replace it: a party that has none above chance has nothing to support. */
function withSpans(
  influence: ReadonlyMap<string, number>,
  { spanNats, parties }: Pick<TrainingEvidence, 'spanNats' | 'parties'>,
): ReadonlyMap<string, number> {
  const partyOf = (id: string) => parties.get(id) ?? id;
  const byParty = new Map<string, number>();
  for (const [id, value] of influence) byParty.set(partyOf(id), (byParty.get(partyOf(id)) ?? 0) + value);
  const nats = new Map(
    [...byParty].map(([id, value]) => [id, value > 0 ? Math.max(0, spanNats.get(id) ?? 0) : 0]),
  );
  const [total, spans] = [sum(byParty.values()), sum(nats.values())];
  if (spans === 0) return influence;
  // Each member keeps his part of his party's.
  return new Map(
    [...influence].map(([id, value]) => {
      const party = byParty.get(partyOf(id)) ?? 0;
      const supported = SPAN_WEIGHT * total * ((nats.get(partyOf(id)) ?? 0) / spans);
      return [id, party > 0 ? (1 - SPAN_WEIGHT) * value + supported * (value / party) : 0];
    }),
  );
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
