import { evenly } from '../evenly.js';

/** Vectors laid end to end. */
export interface Rows {
  readonly data: Float32Array;
  /** Numbers in a row. */
  readonly width: number;
}

const PASSES = 10;
/** Rows that decide where clusters lie; the others join the nearest. */
const SAMPLE_MAX = 4_096;
const CLUSTERS_MAX = 256;

/**
 * Groups records by what they taught: directions of their vectors, by spherical k-means (Dhillon & Modha
 * 2001) from seeds that are far from one another. √n clusters: large enough for what a record got by chance
 * to average out against its neighbours, small enough to tell contents apart. Who owns a record plays no
 * part, so spreading records over accounts changes nothing.
 *
 * @returns the cluster of each row, numbered in the order of their first rows
 */
export function contentClusters(rows: Rows): Uint32Array {
  const count = rows.data.length / rows.width;
  const unit = normalised(rows);
  const sample = evenly(count, Math.min(count, SAMPLE_MAX));
  let centres = seeds(
    unit,
    rows.width,
    sample,
    Math.min(CLUSTERS_MAX, Math.max(1, Math.round(Math.sqrt(count)))),
  );
  for (let pass = 0; pass < PASSES; pass++) {
    const labels = sample.map((row) => nearest(unit, rows.width, row, centres));
    centres = means({ data: unit, width: rows.width }, sample, labels, centres);
  }
  return inOrder(Uint32Array.from({ length: count }, (_, row) => nearest(unit, rows.width, row, centres)));
}

function normalised({ data, width }: Rows): Float32Array {
  const unit = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += width) {
    let square = 0;
    for (let i = at; i < at + width; i++) square += (data[i] ?? 0) ** 2;
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let i = at; i < at + width; i++) unit[i] = (data[i] ?? 0) * scale;
  }
  return unit;
}

/** The first row, then again and again the row that is least like any taken so far. */
function seeds(unit: Float32Array, width: number, sample: readonly number[], count: number): Float32Array[] {
  const row = (at: number) => unit.slice(at * width, (at + 1) * width);
  const taken = [row(sample[0] ?? 0)];
  const likeness = sample.map(() => Number.NEGATIVE_INFINITY);
  while (taken.length < count) {
    const last = taken.at(-1) ?? new Float32Array(width);
    let farthest = 0;
    for (const [i, at] of sample.entries()) {
      likeness[i] = Math.max(likeness[i] ?? 0, product(unit, at * width, last));
      if ((likeness[i] ?? 0) < (likeness[farthest] ?? 0)) farthest = i;
    }
    taken.push(row(sample[farthest] ?? 0));
  }
  return taken;
}

/** The first of the most alike. */
function nearest(unit: Float32Array, width: number, row: number, centres: readonly Float32Array[]): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const [i, centre] of centres.entries()) {
    const like = product(unit, row * width, centre);
    if (like > most) {
      most = like;
      best = i;
    }
  }
  return best;
}

/** Directions of the sums; a cluster that lost all its rows stays where it was. */
function means(
  { data: unit, width }: Rows,
  sample: readonly number[],
  labels: readonly number[],
  before: readonly Float32Array[],
): Float32Array[] {
  const sums = before.map(() => new Float32Array(width));
  for (const [i, row] of sample.entries()) {
    const sum = sums[labels[i] ?? 0];
    for (let d = 0; sum && d < width; d++) sum[d] = (sum[d] ?? 0) + (unit[row * width + d] ?? 0);
  }
  return sums.map((sum, i) => {
    const length = Math.sqrt(product(sum, 0, sum));
    return length > 0 ? sum.map((value) => value / length) : (before[i] ?? sum);
  });
}

function product(unit: Float32Array, from: number, other: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < other.length; i++) sum += (unit[from + i] ?? 0) * (other[i] ?? 0);
  return sum;
}

function inOrder(labels: Uint32Array): Uint32Array {
  const numbers = new Map<number, number>();
  for (const label of labels) if (!numbers.has(label)) numbers.set(label, numbers.size);
  return labels.map((label) => numbers.get(label) ?? 0);
}
