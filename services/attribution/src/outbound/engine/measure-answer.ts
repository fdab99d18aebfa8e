import { DomainError } from '@openledger/kernel';
import { completionExample } from '@openledger/transformer';
import { noiseOf, standingOf } from '../../domain/credit/standing.js';
import { lengthOf } from '../../domain/influence/arithmetic.js';
import type { GroupMeasure, RecordMeasure } from '../../domain/receipt.js';
import { exactProduct, natsOf, type QuantisedQuery, quantiseQuery } from '../../domain/vectors/quantise.js';
import type { AnswerWithContext } from './answer-context.js';
import { rowOf } from './influence/influence-space.js';
import { cutAnswer } from './retrieval-scores.js';
import type { ScoringVersion } from './scoring-version.js';

/** What the vectors say of an answer. */
export interface AnswerVector {
  readonly query: QuantisedQuery;
  readonly groups: readonly GroupMeasure[];
  /** Of the clusters that stand above chance, and what stands out of any. */
  readonly records: readonly RecordMeasure[];
  /** Influence of each row of the index, nats. */
  readonly scores: Float64Array;
  /** Deviation of influence by chance, nats for a vector of length 1. */
  readonly noise: number;
  /** Influence of records that the model never saw, nats for a vector of length 1. */
  readonly decoys: readonly number[];
}

/**
 * Differentiates an answer and compares it with all that was learnt: sums of clusters for pay, every record for what
 * is shown and for the noise that pay must stand above.
 *
 * @throws DomainError NOT_FINITE, ZERO_GRADIENT
 */
export async function measureAnswer(
  version: ScoringVersion,
  answer: AnswerWithContext,
  withdrawn: ReadonlySet<string>,
): Promise<AnswerVector> {
  const { index, sums, clusterRows, lengths, description } = version;
  const query = await queryOf(version, answer);
  const products = await sums.products(query);
  const scores = await index.vectors.scores(query);
  const decoys = Array.from({ length: index.decoys.rows }, (_, row) =>
    perLength(rowOf(index.decoys, row), query),
  );
  const influences = { scores, lengths };
  const noise = noiseOf(influences, decoys);
  const { kappa } = description;
  const groups: GroupMeasure[] = [];
  const records: RecordMeasure[] = [];
  for (const [cluster, range] of clusterRows.entries()) {
    const [sum, { scale }] = [products[cluster] ?? 0, sums.group(cluster)];
    const whole = { cluster, score: natsOf(sum, scale, query.scale), rows: rowsIn(range) };
    const standing = standingOf(whole, influences, { noise, kappa });
    const { deviation } = standing.cluster;
    groups.push({
      id: String(cluster),
      sum: String(sum),
      scale: String(scale),
      deviation: String(deviation),
    });
    for (const { row, deviation: own } of standing.paid) {
      records.push(...recordOf(version, row, { query, deviation: own, withdrawn }));
    }
  }
  return { query, groups, records, scores, noise, decoys };
}

/** Influence of a vector on the query, had it the length 1; nats. */
function perLength(vector: Float32Array, { values, scale }: QuantisedQuery): number {
  const product = values.reduce((sum, value, i) => sum + value * (vector[i] ?? 0), 0) * scale;
  return divided(product, lengthOf(vector));
}

const divided = (value: number, length: number): number => (length > 0 ? value / length : 0);

async function queryOf({ model, space }: ScoringVersion, answer: AnswerWithContext): Promise<QuantisedQuery> {
  const { promptTokens, completionTokens } = cutAnswer(answer, model.tokensMax);
  const example = completionExample([...promptTokens, ...completionTokens], promptTokens.length);
  const vector = rowOf(await space.answers([example]), 0);
  if (!vector.every(Number.isFinite)) {
    throw new DomainError('precondition', 'NOT_FINITE', 'The gradient of the answer is not finite.');
  }
  const query = quantiseQuery(vector);
  if (query.scale > 0) return query;
  const message = 'The answer has no gradient: nothing that was learnt makes it more or less likely.';
  throw new DomainError('precondition', 'ZERO_GRADIENT', message);
}

const rowsIn = ({ from, count }: { readonly from: number; readonly count: number }): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

function recordOf(
  { model, index }: ScoringVersion,
  row: number,
  given: {
    readonly query: QuantisedQuery;
    readonly deviation: number;
    readonly withdrawn: ReadonlySet<string>;
  },
): RecordMeasure[] {
  const at = index.vectors.records[row] ?? -1;
  const record = model.records[at];
  if (!record) return [];
  const { values, scale } = index.vectors.row(row);
  return [
    {
      group: String(index.vectors.clusters[row]),
      record: at,
      contributorId: record.contributorId,
      product: String(exactProduct(values, given.query.values)),
      scale: String(scale),
      deviation: String(given.deviation),
      tokens: record.tokens,
      withdrawn: given.withdrawn.has(record.contributionId),
    },
  ];
}
