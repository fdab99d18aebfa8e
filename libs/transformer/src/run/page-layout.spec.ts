import { seededRandom } from '../train/random.js';
import { aligned, besideOneAnother, freeRun, type PageRun } from './page-layout.js';

const pageCount = 40;

function someItems(random: () => number): Map<number, PageRun> {
  const places = new Map<number, PageRun>();
  for (let item = 0; item < 30; item += 1) {
    const pages = [1, 1, 2, 2, 4, 6][Math.floor(random() * 6)] ?? 1;
    const first = freeRun(places.values(), pageCount, pages);
    if (first !== undefined) places.set(item, { first, count: pages });
  }
  for (const item of [...places.keys()]) if (random() < 0.3) places.delete(item);
  return places;
}

describe('besideOneAnother', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))('moves items without loss (%i)', (seed) => {
    const random = seededRandom(seed);
    const places = someItems(random);
    const wanted = [...places.keys()].sort(() => random() - 0.5).slice(0, 1 + Math.floor(random() * 8));
    const found = besideOneAnother(places, wanted, pageCount) ?? places;
    expect([...found.keys()].sort()).toEqual([...places.keys()].sort());
    const used = new Set<number>();
    for (const [item, { first, count }] of found) {
      expect(count).toBe(places.get(item)?.count);
      expect(first).toBe(aligned(first, count));
      expect(first + count).toBeLessThanOrEqual(pageCount);
      for (let page = first; page < first + count; page += 1) {
        expect(used.has(page)).toBe(false);
        used.add(page);
      }
    }
    const row = wanted.map((item) => found.get(item) ?? { first: 0, count: 0 });
    const start = Math.min(...row.map(({ first }) => first));
    const end = Math.max(...row.map(({ first, count }) => first + count));
    expect(end - start).toBe(row.reduce((sum, { count }) => sum + count, 0));
    const pairs = row.filter(({ count }) => count > 1).map(({ first }) => first);
    expect(pairs).toEqual([...pairs].sort((a, b) => a - b));
  });

  it('leaves what is in order, and moves one for one that comes new', () => {
    const places = new Map([...Array(8).keys()].map((item) => [item, { first: 2 * item, count: 2 }]));
    expect(besideOneAnother(places, [1, 2, 3], 20)).toBeUndefined();
    const found = besideOneAnother(places, [0, 1, 7, 3], 20) ?? places;
    const moved = [...found].filter(([item, { first }]) => first !== places.get(item)?.first);
    expect(moved).toEqual(expect.arrayContaining([[7, { first: 4, count: 2 }]]));
    expect(moved.length).toBe(2);
  });
});
