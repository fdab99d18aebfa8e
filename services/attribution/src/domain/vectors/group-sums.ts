import { DomainError, invariant } from '@openledger/kernel';
import { quantiseQueryInto } from './quantise.js';
import { ScanMemory } from './scan-memory.js';
import type { VectorTable } from './vector-table.js';

/** In place of a group: the row counts for none. */
export const NO_GROUP = 2 ** 32 - 1;
export const GROUPS_MAX = 2 ** 20;

/** Which group each row of a table counts for, and how much. */
export interface Grouping {
  /** By row: a number below `count`, or NO_GROUP. */
  readonly groups: Uint32Array;
  readonly count: number;
  /** By row; 0 leaves it out (withdrawn, or registered earlier by somebody else). Default 1 for all. */
  readonly weights?: ArrayLike<number>;
}

/** By group: the sum of its rows as 16-bit integers with a scale, where a scan finds them. */
export interface SummedGroups {
  readonly vectors: ScanMemory;
  readonly scales: Float32Array;
}

/**
 * S_g = Σ w · z over the rows of each group that are not removed, from the quantised rows in their order, in doubles: the same
 * table and grouping give the same bits. Then quantised as queries are.
 *
 * @throws DomainError GROUPING_INVALID, TOO_MANY_GROUPS, VECTOR_NOT_FINITE
 */
export function sumGroups(table: VectorTable, { groups, count, weights }: Grouping): SummedGroups {
  checkGrouping(table, { groups, count, ...(weights && { weights }) });
  const { k } = table;
  const { scales, dead } = table.columns;
  const values = table.vectors.bytes(0, table.rows);
  const { rows, starts } = rowsByGroup(groups, count, dead);
  const sums = new ScanMemory(2 * k);
  sums.reserve(count);
  const sumScales = new Float32Array(new SharedArrayBuffer(4 * count));
  const sum = new Float64Array(k);
  for (let group = 0; group < count; group++) {
    sum.fill(0);
    for (let at = starts[group] ?? 0; at < (starts[group + 1] ?? 0); at++) {
      const row = rows[at] ?? 0;
      const weight = (weights?.[row] ?? 1) * (scales[row] ?? 0);
      if (weight === 0) continue;
      for (let i = 0, from = row * k; i < k; i++, from++)
        sum[i] = (sum[i] ?? 0) + weight * (values[from] ?? 0);
    }
    sumScales[group] = quantiseQueryInto(shorts(sums, k, group), sum);
  }
  return { vectors: sums, scales: sumScales };
}

/** The 16-bit integers of one group's sum. */
export function shorts(vectors: ScanMemory, k: number, group: number): Int16Array {
  const { buffer, byteOffset } = vectors.bytes(group, 1);
  return new Int16Array(buffer, byteOffset, k);
}

/** Rows that are there by group, in their order: a counting sort. */
function rowsByGroup(groups: Uint32Array, count: number, dead: Uint8Array) {
  const starts = new Uint32Array(count + 1);
  const counts = (row: number) => dead[row] === 0 && groups[row] !== NO_GROUP;
  for (let row = 0; row < groups.length; row++) {
    if (counts(row)) starts[(groups[row] ?? 0) + 1] = (starts[(groups[row] ?? 0) + 1] ?? 0) + 1;
  }
  for (let group = 0; group < count; group++)
    starts[group + 1] = (starts[group + 1] ?? 0) + (starts[group] ?? 0);
  const next = starts.slice();
  const rows = new Uint32Array(starts[count] ?? 0);
  for (let row = 0; row < groups.length; row++) {
    if (!counts(row)) continue;
    const group = groups[row] ?? 0;
    const at = next[group] ?? 0;
    rows[at] = row;
    next[group] = at + 1;
  }
  return { rows, starts };
}

function checkGrouping(table: VectorTable, { groups, count, weights }: Grouping): void {
  if (!(Number.isInteger(count) && count >= 0 && count <= GROUPS_MAX)) {
    throw new DomainError(
      'too-large',
      'TOO_MANY_GROUPS',
      `At most ${GROUPS_MAX} groups are summed, not ${count}.`,
    );
  }
  invariant(groups.length === table.rows, 'a grouping names a group for each row');
  invariant(weights === undefined || weights.length === table.rows, 'a grouping weighs each row');
  if (groups.every((group) => group < count || group === NO_GROUP)) return;
  throw new DomainError('invalid', 'GROUPING_INVALID', `A row has a group that is not below ${count}.`);
}
