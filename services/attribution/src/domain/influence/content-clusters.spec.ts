import fc from 'fast-check';
import { evenly } from '../evenly.js';
import { contentClusters, type Rows } from './content-clusters.js';

const WIDTH = 16;
const rowsOf = (rows: readonly (readonly number[])[], width = WIDTH): Rows => ({
  data: Float32Array.from(rows.flat()),
  width,
});
/** On a grid, so that scaling by powers of two is exact. */
const component = fc.integer({ min: -128, max: 128 }).map((value) => value / 64);
const vectors = fc.array(fc.array(component, { minLength: WIDTH, maxLength: WIDTH }), {
  minLength: 1,
  maxLength: 40,
});

/** About `kind`'s axis, never twice the same. */
const about = (kind: number, i: number) =>
  Array.from(
    { length: WIDTH },
    (_, d) => (d === kind ? 3 : 0) + 0.4 * Math.sin(1 + 7.3 * i + 2.1 * d * kind + d),
  );

describe('contentClusters', () => {
  it('labels every row, the same again, numbered in the order of first rows', () => {
    fc.assert(
      fc.property(vectors, (given) => {
        const labels = contentClusters(rowsOf(given));
        expect(labels).toHaveLength(given.length);
        expect(contentClusters(rowsOf(given))).toEqual(labels);
        const first = [...new Set(labels)];
        expect(first).toEqual(first.map((_, i) => i));
        expect(first.length).toBeLessThanOrEqual(Math.max(1, Math.round(Math.sqrt(given.length))));
      }),
    );
  });

  it('puts copies together, whatever their size and whoever has them', () => {
    const copies = fc.tuple(fc.nat(), fc.constantFrom(0.25, 1, 2, 8));
    fc.assert(
      fc.property(vectors, fc.array(copies, { minLength: 1, maxLength: 10 }), (given, more) => {
        const copied = more.map(([at, factor]) =>
          (given[at % given.length] ?? []).map((value) => value * factor),
        );
        const labels = contentClusters(rowsOf([...given, ...copied]));
        for (const [i, [at]] of more.entries())
          expect(labels[given.length + i]).toBe(labels[at % given.length]);
      }),
    );
  });

  it('finds the directions that rows were made of', () => {
    const kinds = 6;
    // As many rows as make √n the number of kinds.
    const rows = Array.from({ length: kinds * kinds }, (_, i) => about(i % kinds, i));
    const labels = contentClusters(rowsOf(rows));
    expect([...labels]).toEqual(rows.map((_, i) => i % kinds));
    const reversed = contentClusters(rowsOf(rows.toReversed()));
    expect([...reversed].toReversed().map((label) => kinds - 1 - label)).toEqual([...labels]);
  });

  it('tells opposite directions apart', () => {
    const labels = contentClusters(
      rowsOf([about(0, 1), about(0, 2).map((value) => -value), about(0, 3), about(0, 4)]),
    );
    expect([...labels]).toEqual([0, 1, 0, 0]);
  });

  it('takes one row, equal rows, zero rows and no rows', () => {
    const row = about(2, 1);
    const zero = Array<number>(WIDTH).fill(0);
    expect([...contentClusters(rowsOf([row]))]).toEqual([0]);
    expect([...contentClusters(rowsOf(Array.from({ length: 9 }, () => row)))]).toEqual(Array(9).fill(0));
    expect([...contentClusters(rowsOf(Array.from({ length: 9 }, () => zero)))]).toEqual(Array(9).fill(0));
    expect(contentClusters(rowsOf([]))).toHaveLength(0);
    const mixed = contentClusters(rowsOf([zero, row, zero, row]));
    expect(mixed[0]).toBe(mixed[2]);
    expect(mixed[1]).toBe(mixed[3]);
  });

  it('decides by a sample where there are many, and labels all', () => {
    const rows = Array.from({ length: 6000 }, (_, i) => about(i % 4, i).slice(0, 4));
    const labels = contentClusters(rowsOf(rows, 4));
    expect(labels).toHaveLength(6000);
    const kindsOf = new Map<number, Set<number>>();
    for (const [i, label] of labels.entries())
      kindsOf.set(label, (kindsOf.get(label) ?? new Set()).add(i % 4));
    // No cluster holds two kinds.
    expect([...kindsOf.values()].every((kinds) => kinds.size === 1)).toBe(true);
  });
});

describe('evenly', () => {
  it('takes numbers in order from all of a range', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 500 }), (count, most) => {
        const size = Math.min(count, most);
        const taken = evenly(count, size);
        expect(taken).toHaveLength(size);
        expect(new Set(taken).size).toBe(size);
        expect(taken[0]).toBe(0);
        expect(taken.every((at, i) => at < count && (i === 0 || at > (taken[i - 1] ?? -1)))).toBe(true);
      }),
    );
    expect(evenly(0, 0)).toEqual([]);
  });
});
