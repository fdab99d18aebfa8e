import {
  type GroupSums,
  natsOf,
  type QuantisedQuery,
  quantiseQuery,
  type VectorIndex,
} from '@openledger/attribution/engine';
import type { Random } from '@openledger/transformer';

const QUERIES = 4;
const ROWS = 2_500;
const TOP = 100;

/** Of rows, sums of groups and best rows: the share whose score has exactly the bits that big integers give. */
export async function parityOf(index: VectorIndex, sums: GroupSums, random: Random): Promise<number> {
  const checks: boolean[] = [];
  for (let number = 0; number < QUERIES; number += 1) {
    const query = quantiseQuery(Float32Array.from({ length: index.k }, () => 2 * random() - 1));
    const scores = await index.scores(query);
    const groups = await sums.scores(query);
    for (let check = 0; check < ROWS; check += 1) {
      const row = Math.floor(index.rows * random());
      checks.push(scores[row] === exactNats(index.row(row), query));
      const group = Math.floor(sums.count * random());
      checks.push(groups[group] === exactNats(sums.group(group), query));
    }
    const best = await index.scan(query, { top: TOP });
    const expected = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
    checks.push(...best.map(({ row, nats }, rank) => row === expected[rank] && nats === scores[row]));
  }
  return checks.filter(Boolean).length / checks.length;
}

type Row = { readonly values: Int8Array | Int16Array; readonly scale: number };

function exactNats(row: Row, query: QuantisedQuery): number {
  let product = 0n;
  for (const [i, value] of query.values.entries()) product += BigInt(value) * BigInt(row.values[i] ?? 0);
  return natsOf(Number(product), row.scale, query.scale);
}
