/** A run of pages. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

export type Places<Item> = ReadonlyMap<Item, PageRun>;

/** Where a run of `pages` can begin from `at` on: all but single pages begin at even ones. */
export const aligned = (at: number, pages: number): number => (pages === 1 ? at : at + (at % 2));

/** First page of the shortest run of pages free of `taken` that is long enough. */
export function freeRun(taken: Iterable<PageRun>, pageCount: number, pages: number): number | undefined {
  const ordered = [...taken].sort((a, b) => a.first - b.first);
  let best: PageRun | undefined;
  let end = 0;
  for (const { first, count } of [...ordered, { first: pageCount, count: 0 }]) {
    const start = aligned(end, pages);
    const free = first - start;
    if (free >= pages && (!best || free < best.count)) best = { first: start, count: free };
    end = Math.max(end, first + count);
  }
  return best?.first;
}

/**
 * New places for items that leave `wanted` side by side in their order, single pages last; the fewest of
 * them move. Undefined where they lie so already.
 */
export function besideOneAnother<Item>(
  places: Places<Item>,
  wanted: readonly Item[],
  pageCount: number,
): Map<Item, PageRun> | undefined {
  const counts = wanted.map((item) => places.get(item)?.count ?? 0);
  const order = [
    ...wanted.filter((_, at) => counts[at] !== 1),
    ...wanted.filter((_, at) => counts[at] === 1),
  ];
  const size = counts.reduce((sum, count) => sum + count, 0);
  let best: { readonly start: number; readonly kept: number } | undefined;
  for (let start = 0; start + size <= pageCount; start += 2) {
    const row = inRow(places, order, start);
    const kept = order.filter((item) => row.get(item)?.first === places.get(item)?.first).length;
    if (!best || kept > best.kept) best = { start, kept };
  }
  if (!best || best.kept === order.length) return undefined;
  const row = inRow(places, order, best.start);
  return withOthers(places, row, pageCount) ?? allInRow(places, order);
}

function inRow<Item>(places: Places<Item>, order: readonly Item[], start: number): Map<Item, PageRun> {
  const row = new Map<Item, PageRun>();
  let end = start;
  for (const item of order) {
    const count = places.get(item)?.count ?? 0;
    row.set(item, { first: end, count });
    end += count;
  }
  return row;
}

/** Adds the other items: where they are, or in a free place where one in `row` comes to lie. */
function withOthers<Item>(
  places: Places<Item>,
  row: ReadonlyMap<Item, PageRun>,
  pageCount: number,
): Map<Item, PageRun> | undefined {
  const result = new Map(row);
  const displaced: [Item, PageRun][] = [];
  for (const [item, place] of places) {
    if (row.has(item)) continue;
    if ([...row.values()].some((taken) => overlap(taken, place))) displaced.push([item, place]);
    else result.set(item, place);
  }
  for (const [item, { count }] of displaced.sort(([, a], [, b]) => b.count - a.count)) {
    const first = freeRun(result.values(), pageCount, count);
    if (first === undefined) return undefined;
    result.set(item, { first, count });
  }
  return result;
}

/** Everything from the front on, the items of `order` before all others. */
export function allInRow<Item>(places: Places<Item>, order: readonly Item[]): Map<Item, PageRun> {
  const others = [...places.keys()].filter((item) => !order.includes(item));
  const isPair = (item: Item): boolean => places.get(item)?.count !== 1;
  const singles = order.filter((item) => !isPair(item));
  const pairs = others.filter(isPair);
  // Pairs behind an odd number of single pages begin one page later, which stays free for a single one.
  const filler = singles.length % 2 === 1 ? others.find((item) => !isPair(item)) : undefined;
  const result = inRow(places, [...order, ...(filler === undefined ? [] : [filler])], 0);
  const end = Math.max(0, ...[...result.values()].map(({ first, count }) => first + count));
  const rest = [...pairs, ...others.filter((item) => !isPair(item) && item !== filler)];
  return new Map([...result, ...inRow(places, rest, pairs.length > 0 ? aligned(end, 2) : end)]);
}

const overlap = (a: PageRun, b: PageRun): boolean =>
  a.first < b.first + b.count && b.first < a.first + a.count;
