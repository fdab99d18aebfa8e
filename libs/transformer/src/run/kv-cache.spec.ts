import { type FreshKeyValues, KvCache, kvNumbersPerToken, stripTokens } from './kv-cache.js';

const shape = { layerCount: 2, kvHeadCount: 2, headDim: 3 };

/** Keys and values of `rows` rows of `time` tokens that are all different numbers. */
function fresh(rows: number, time: number, first: number): FreshKeyValues {
  let next = first;
  const tensor = () => ({
    shape: [rows, 2, time, 3],
    data: Float32Array.from({ length: rows * 2 * time * 3 }, () => next++),
  });
  return { keys: [tensor(), tensor()], values: [tensor(), tensor()] };
}

/** What a row holds, read the way the runtime reads it. */
function read(cache: KvCache, row: number): number[] {
  const numbers: number[] = [];
  for (let layer = 0; layer < 2; layer += 1) {
    const { key, value } = cache.layer(layer);
    for (const { data } of [key, value]) {
      for (let head = 0; head < 2; head += 1) {
        const at = (row * 2 + head) * cache.capacity * 3;
        numbers.push(...data.subarray(at, at + cache.lengthOf(row) * 3));
      }
    }
  }
  return numbers;
}

/** Numbers beyond the lengths of rows, which steps read as well. */
function restOf(cache: KvCache): number[] {
  return [0, 1].flatMap((layer) => {
    const { key, value } = cache.layer(layer);
    return [key, value].flatMap(({ data }) =>
      [...data].filter(
        (_, at) =>
          Math.floor(at / 3) % cache.capacity >= cache.lengthOf(Math.floor(at / (6 * cache.capacity))),
      ),
    );
  });
}

describe('KvCache', () => {
  it('keeps every row whole while others come, grow and go', () => {
    const cache = new KvCache(shape, 4);
    const lengths = [5, 200, 90];
    for (const [row, length] of lengths.entries()) {
      expect(cache.addRow()).toBe(row);
      cache.append(row, fresh(1, length, 1_000 * (row + 1)), 0, length);
    }
    const before = lengths.map((_, row) => read(cache, row));
    expect(before.map((numbers) => numbers.length)).toEqual(lengths.map((n) => n * kvNumbersPerToken(shape)));
    expect(cache.capacity).toBe(stripTokens(200));
    expect(cache.addRow()).toBe(3);
    expect(cache.layer(1).value.data).toHaveLength(4 * 2 * cache.capacity * 3);
    expect(cache.removeRow(1)).toBe(3);
    expect(read(cache, 0)).toEqual(before[0]);
    expect(read(cache, 2)).toEqual(before[2]);
    expect(cache.capacity).toBe(128);
    expect(restOf(cache).every((number) => number === 0)).toBe(true);
  });

  it('gives its memory back with the last row', () => {
    const cache = new KvCache(shape, 2);
    cache.append(cache.addRow(), fresh(1, 130, 1), 0, 130);
    expect(cache.capacity).toBe(256);
    expect(cache.removeRow(0)).toBeUndefined();
    expect([cache.rows, cache.capacity]).toEqual([0, 0]);
  });

  it('copies tokens out, in, and from cache to cache', () => {
    const cache = new KvCache(shape, 2);
    for (const row of [0, 1]) {
      cache.addRow();
      cache.append(row, fresh(1, 70, 500 * row), 0, 70);
    }
    const whole = cache.copyOut(1, 0, 64);
    const rest = cache.copyOut(1, 64, 6);
    const other = new KvCache(shape, 3);
    other.addRow();
    other.append(other.addRow(), fresh(1, 200, 9_000), 0, 200);
    other.appendCopy(0, whole);
    other.appendCopy(0, rest);
    expect(read(other, 0)).toEqual(read(cache, 1));
    other.appendRow(other.addRow(), cache, 1);
    expect(read(other, 2)).toEqual(read(cache, 1));
    expect(() => cache.copyOut(0, 60, 11)).toThrow('only tokens that are cached');
    expect(() => other.addRow()).toThrow('the cache holds 3 rows already');
  });
});
