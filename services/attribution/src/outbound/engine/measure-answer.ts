import { DomainError } from '@openledger/kernel';
import { completionExample } from '@openledger/transformer';
import { noiseOf, standingOf } from '../../domain/credit/standing.js';
import { lengthOf } from '../../domain/influence/arithmetic.js';
import type { GroupMeasure, RecordMeasure } from '../../domain/receipt.js';
import { exactProduct, natsOf, type QuantisedQuery, quantiseQuery } from '../../domain/vectors/quantise.js';
import type { AnswerWithContext } from './answer-context.js';
import { rowOf } from './influence/influence-space.js';
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
  const standings = clusterRows.map((range, cluster) => {
    const score = natsOf(products[cluster] ?? 0, sums.group(cluster).scale, query.scale);
    return standingOf({ cluster, score, rows: rowsIn(range) }, influences, { noise, kappa });
  });
  const groups = standings.map(
    ({ cluster: { deviation } }, cluster): GroupMeasure => ({
      id: String(cluster),
      sum: String(products[cluster] ?? 0),
      scale: String(sums.group(cluster).scale),
      deviation: String(deviation),
    }),
  );
  const records = standings.flatMap(({ paid }) =>
    paid.flatMap(({ row, deviation }) => recordOf(version, row, { query, deviation, withdrawn })),
  );
  return { query, groups, records, scores, noise, decoys };
}

/** Influence of a vector on the query, had it the length 1; nats. */
function perLength(vector: Float32Array, { values, scale }: QuantisedQuery): number {
  const product = values.reduce((sum, value, i) => sum + value * (vector[i] ?? 0), 0) * scale;
  return divided(product, lengthOf(vector));
}

const divided = (value: number, length: number): number => (length > 0 ? value / length : 0);

async function queryOf({ model, space }: ScoringVersion, answer: AnswerWithContext): Promise<QuantisedQuery> {
  const room = Math.max(1, model.tokensMax - answer.completionTokens.length);
  const prompt = answer.promptTokens.slice(-room);
  const tokens = [...prompt, ...answer.completionTokens].slice(0, model.tokensMax);
  const vector = rowOf(await space.answers([completionExample(tokens, prompt.length)]), 0);
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
