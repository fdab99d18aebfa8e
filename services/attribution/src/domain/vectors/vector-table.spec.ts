import fc from 'fast-check';
import { NO_GROUP, shorts, sumGroups } from './group-sums.js';
import { quantiseQuery, quantiseRow } from './quantise.js';
import { type VectorRow, VectorTable } from './vector-table.js';

const code = (value: string) => expect.objectContaining({ code: value });
const K = 16;
const row = (record: number): VectorRow => ({
  vector: Float64Array.from({ length: K }, (_, i) => Math.sin(record * 7.3 + i * i)),
  record,
  cluster: record % 3,
});

const live = (table: VectorTable) => {
  const { records, clusters, scales, dead } = table.columns;
  return Array.from({ length: table.rows }, (_, at) => at)
    .filter((at) => dead[at] === 0)
    .map((at) => ({
      record: records[at],
      cluster: clusters[at],
      scale: scales[at],
      values: [...table.vectors.bytes(at, 1)],
    }));
};

/** Appends some records, or removes some. */
const steps = fc.array(
  fc.oneof(
    fc.record({ append: fc.array(fc.nat(40), { maxLength: 12 }) }),
    fc.record({ remove: fc.array(fc.nat(40), { maxLength: 8 }) }),
  ),
  { maxLength: 12 },
);

describe('VectorTable', () => {
  it('holds what a fresh table holds, after any appending and removing', () => {
    const property = fc.property(steps, (order) => {
      const table = new VectorTable(K);
      let expected: number[] = [];
      for (const step of order) {
        if ('append' in step) {
          table.append(step.append.map(row));
          expected.push(...step.append);
        } else {
          const gone = expected.filter((record) => step.remove.includes(record));
          expect(table.remove(step.remove)).toBe(gone.length);
          expected = expected.filter((record) => !step.remove.includes(record));
        }
      }
      const fresh = new VectorTable(K);
      fresh.append(expected.map(row));
      expect(live(table)).toEqual(live(fresh));
      expect(table.liveRows).toBe(expected.length);
      for (const { rows, dead } of table.shards) expect(dead).toBeLessThan(Math.max(1, 0.2 * rows));
      expect(table.shards.length).toBeLessThanOrEqual(Math.log2(table.rows + 1) + 1);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('refuses a bad row and stays as it was', () => {
    const table = new VectorTable(K);
    table.append([row(1), row(2)]);
    const before = live(table);
    const bad: readonly (readonly [VectorRow, string])[] = [
      [{ ...row(3), vector: new Float32Array(32) }, 'VECTOR_LENGTH'],
      [{ ...row(3), vector: new Float32Array(K).fill(Number.NaN) }, 'VECTOR_NOT_FINITE'],
      [{ ...row(3), record: -1 }, 'ROW_NUMBER'],
      [{ ...row(3), cluster: 2 ** 32 }, 'ROW_NUMBER'],
      [{ ...row(3), record: 0.5 }, 'ROW_NUMBER'],
    ];
    for (const [wrong, name] of bad) expect(() => table.append([row(4), wrong])).toThrow(code(name));
    expect(live(table)).toEqual(before);
    table.append([row(5)]);
    expect(live(table).map(({ record }) => record)).toEqual([1, 2, 5]);
  });

  it('counts a refused length of vectors', () => {
    expect(() => new VectorTable(20)).toThrow(code('VECTOR_LENGTH'));
  });
});

describe('sumGroups', () => {
  /** The same sum in the open: dequantised rows in order, in doubles. */
  const openSum = (table: VectorTable, groups: Uint32Array, group: number, weights?: number[]) => {
    const sum = new Float64Array(K);
    for (let at = 0; at < table.rows; at++) {
      if (groups[at] !== group || table.columns.dead[at] === 1) continue;
      const weight = (weights?.[at] ?? 1) * (table.columns.scales[at] ?? 0);
      table.vectors.bytes(at, 1).forEach((value, i) => {
        sum[i] = (sum[i] ?? 0) + weight * value;
      });
    }
    return quantiseQuery(sum);
  };

  it('gives the bits of the plain sum over the rows that count', () => {
    const property = fc.property(
      fc.array(fc.tuple(fc.nat(30), fc.constantFrom(0, 1, 2, NO_GROUP), fc.constantFrom(0, 1)), {
        maxLength: 30,
      }),
      fc.array(fc.nat(30), { maxLength: 3 }),
      (rows, gone) => {
        const table = new VectorTable(K);
        table.append(rows.map(([record]) => row(record)));
        // More rows that stay, so that the removed ones stay too, as holes.
        table.append(Array.from({ length: 60 }, (_, i) => row(100 + i)));
        table.remove(gone);
        const groups = Uint32Array.from({ length: table.rows }, (_, at) => rows[at]?.[1] ?? at % 3);
        const weights = Array.from({ length: table.rows }, (_, at) => rows[at]?.[2] ?? 1);
        const { vectors, scales } = sumGroups(table, { groups, count: 4, weights });
        for (const group of [0, 1, 2, 3]) {
          const expected = openSum(table, groups, group, weights);
          expect(shorts(vectors, K, group)).toEqual(expected.values);
          expect(scales[group]).toBe(expected.scale);
        }
        expect(scales[3]).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  it('refuses groups that are not there, and too many', () => {
    const table = new VectorTable(K);
    table.append([row(1)]);
    expect(() => sumGroups(table, { groups: Uint32Array.of(2), count: 2 })).toThrow(code('GROUPING_INVALID'));
    expect(() => sumGroups(table, { groups: Uint32Array.of(0), count: 2 ** 21 })).toThrow(
      code('TOO_MANY_GROUPS'),
    );
  });

  it('of one row is the row', () => {
    const table = new VectorTable(K);
    table.append([row(1), row(2)]);
    const { vectors, scales } = sumGroups(table, { groups: Uint32Array.of(0, NO_GROUP), count: 1 });
    const { values, scale } = quantiseRow(row(1).vector);
    shorts(vectors, K, 0).forEach((value, i) => {
      expect(value * (scales[0] ?? 0)).toBeCloseTo((values[i] ?? 0) * scale, 3);
    });
  });
});
