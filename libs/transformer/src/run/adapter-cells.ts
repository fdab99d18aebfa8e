import { cellsName, moduleGroups, pageRank, usedName } from '../graph/rank-pages.js';
import type { AdapterPool } from './adapter-pool.js';
import type { PackedAdapter } from './packed-adapter.js';
import type { PageRun } from './page-layout.js';
import { type FeedTensor, type IntegerTensor, integers } from './session.js';

export interface RowAdapter {
  readonly adapter: PackedAdapter;
  readonly weight: number;
}

/** One row on its way through one slot. */
interface Cell {
  readonly row: number;
  readonly weight: number;
  /** The row's own ranks within the slot. */
  readonly from: number;
  readonly end: number;
}

interface Layout {
  readonly window: PageRun;
  /** Pages of a slot: one where every adapter of the step has one, else two. */
  readonly width: number;
  /** Cells of each slot. */
  readonly slots: readonly (readonly Cell[])[];
  readonly members: number;
  /** Whether slots are the inner axis of the cells. */
  readonly columns: boolean;
  /** By part, then row, the cells whose results a row adds up, where cells are not rows in order. */
  readonly rowCells: readonly (readonly number[])[] | undefined;
}

/**
 * The inputs of `rankPages` for a step of `time` tokens a row, each row with its adapters. An adapter's
 * ranks pass through its slots in their order, and a row's results are added in the order of its
 * adapters, so that a row is computed the same in every batch.
 */
export function adapterFeeds(
  pool: AdapterPool,
  rows: readonly (readonly RowAdapter[])[],
  time: number,
): ReadonlyMap<string, FeedTensor> {
  const layout = layoutOf(pool, rows);
  const feeds = new Map(pool.tensors(layout.window, layout.width, layout.columns));
  const used = new Set(rows.flat().flatMap(({ adapter }) => adapter.targetModules));
  for (const modules of moduleGroups) {
    const isUsed = modules.some((module) => used.has(module));
    feeds.set(usedName(modules), { shape: [], data: Uint8Array.of(isUsed ? 1 : 0) });
  }
  feeds.set('direct', { shape: [], data: Uint8Array.of(layout.rowCells ? 0 : 1) });
  feeds.set('single', { shape: [], data: Uint8Array.of(layout.rowCells?.length === 1 ? 1 : 0) });
  feedCells(feeds, layout, { time, rows: rows.length, isBytes: pool.packing === 'int8' });
  const rowCells = layout.rowCells ?? [rows.map(() => 0)];
  feeds.set('row_cells', integers([rowCells.length, rows.length], rowCells.flat()));
  feeds.set('row_shape', integers([3], [rows.length, time, -1]));
  feeds.set('cell_shape', integers([3], [layout.slots.length * layout.members, time, -1]));
  return feeds;
}

function layoutOf(pool: AdapterPool, rows: readonly (readonly RowAdapter[])[]): Layout {
  const places = rows.flat().map(({ adapter }) => pool.placeOf(adapter));
  const width = places.some(({ count }) => count > 1) ? 2 : 1;
  const first = places.length === 0 ? 0 : Math.min(...places.map((place) => place.first));
  const start = Math.min(first - (first % width), pool.pageCount - 2 * width);
  const end = Math.max(...places.map((place) => place.first + place.count), start + 1);
  // Several rows of a lone slot would be one product, which is rounded otherwise than products of one row.
  const isShared = rows.length > 1 && end - start <= width;
  const slotCount = isShared ? 2 : Math.ceil((end - start) / width);
  const cells = rows.map((adapters, row) =>
    adapters.flatMap(({ adapter, weight }) => cellsOf(pool.placeOf(adapter), { row, weight, start, width })),
  );
  const room = Math.floor((pool.pageCount - start) / width);
  const arrangement = inOrder(cells, slotCount) ?? scattered(cells, slotCount, room);
  return { window: { first: start, count: arrangement.slots.length * width }, width, ...arrangement };
}

interface PlacedCell extends Cell {
  readonly slot: number;
}

function cellsOf(
  { first, count }: PageRun,
  how: { readonly row: number; readonly weight: number; readonly start: number; readonly width: number },
): PlacedCell[] {
  const { row, weight, start, width } = how;
  const at = first - start;
  const ranks = Math.min(count, width) * pageRank;
  return Array.from({ length: Math.ceil(count / width) }, (_, part) => {
    const page = at + part * width;
    const from = (page % width) * pageRank;
    return { row, weight, slot: Math.floor(page / width), from, end: from + ranks };
  });
}

type Arrangement = Pick<Layout, 'slots' | 'members' | 'columns' | 'rowCells'>;

/** Cells that are the rows themselves, one after the other, or undefined where that cannot be. */
function inOrder(cells: readonly (readonly PlacedCell[])[], slotCount: number): Arrangement | undefined {
  const members = cells.length / slotCount;
  if (!Number.isInteger(members) || cells.some(({ length }) => length > 1)) return undefined;
  for (const columns of [true, false]) {
    const slotOf = (row: number): number => (columns ? row % slotCount : Math.floor(row / members));
    if (!cells.every(([cell], row) => !cell || cell.slot === slotOf(row))) continue;
    const slots: Cell[][] = Array.from({ length: slotCount }, () => []);
    for (const [row, [cell]] of cells.entries()) {
      // A row without an adapter passes through with weight 0.
      slots[slotOf(row)]?.push(cell ?? { row, weight: 0, from: 0, end: 0 });
    }
    return { slots, members, columns, rowCells: undefined };
  }
  return undefined;
}

function scattered(cells: readonly (readonly PlacedCell[])[], needed: number, room: number): Arrangement {
  const used = new Int32Array(needed);
  for (const { slot } of cells.flat()) used[slot] = (used[slot] ?? 0) + 1;
  const fullest = Math.max(...used);
  const parts = Math.max(1, ...cells.map(({ length }) => length));
  // What a row lacks is a cell of weight 0, in a slot that has room or in one more.
  const isFull = cells.some(({ length }) => length < parts) && used.every((count) => count === fullest);
  const slotCount = isFull && needed < room ? needed + 1 : needed;
  const members = isFull && needed === room ? fullest + 1 : fullest;
  const slots: Cell[][] = Array.from({ length: slotCount }, () => []);
  const placed = cells.map((own) =>
    own.map((cell) => {
      const slot = slots[cell.slot] ?? [];
      return (slot.push(cell) - 1) * slotCount + cell.slot;
    }),
  );
  const idle = slots.findIndex(({ length }) => length < members);
  const nothing = (members - 1) * slotCount + Math.max(idle, 0);
  const rowCells = Array.from({ length: parts }, (_, part) => placed.map((own) => own[part] ?? nothing));
  return { slots, members, columns: true, rowCells };
}

interface StepSize {
  readonly time: number;
  readonly rows: number;
  readonly isBytes: boolean;
}

function feedCells(feeds: Map<string, FeedTensor>, layout: Layout, step: StepSize): void {
  const { width, slots, members, columns } = layout;
  const ranks = width * pageRank;
  const grid = columns ? [members, slots.length] : [slots.length, members];
  const count = slots.length * members;
  const weights = new Float32Array(count * ranks);
  const rowOf = new Int32Array(count);
  const slotOf = new Int32Array(count);
  for (let slot = 0; slot < slots.length; slot += 1) {
    for (let member = 0; member < members; member += 1) {
      const at = columns ? member * slots.length + slot : slot * members + member;
      const cell = slots[slot]?.[member];
      slotOf[at] = slot;
      rowOf[at] = cell?.row ?? 0;
      if (cell) weights.fill(cell.weight, at * ranks + cell.from, at * ranks + cell.end);
    }
  }
  const { time } = step;
  const tokens = new Int32Array(count * time);
  for (let at = 0; at < tokens.length; at += 1) {
    tokens[at] = (rowOf[Math.floor(at / time)] as number) * time + (at % time);
  }
  feeds.set('cell_weights', { shape: [...grid, 1, ranks], data: weights });
  for (const modules of [1, 2, 3]) {
    const places = integers([modules, ...grid, time, ranks], modules * count * time * ranks);
    for (let module = 0; module < modules; module += 1) {
      fillPlaces(places, { tokens, slotOf, width, module, modules, step });
    }
    feeds.set(cellsName(modules), places);
  }
}

/** Where each value of the cells lies in the product of all tokens with A, for one module. */
function fillPlaces(
  places: IntegerTensor,
  how: {
    readonly tokens: Int32Array;
    readonly slotOf: Int32Array;
    readonly width: number;
    readonly module: number;
    readonly modules: number;
    readonly step: StepSize;
  },
): void {
  const { tokens, slotOf, width, module, modules, step } = how;
  const target = words(places);
  const ranks = width * pageRank;
  const total = step.rows * step.time;
  const columns = pageRank * modules;
  let to = module * slotOf.length * step.time * ranks * 2;
  for (let at = 0; at < slotOf.length * step.time; at += 1) {
    const token = tokens[at] as number;
    const page = (slotOf[Math.floor(at / step.time)] as number) * width;
    for (let rank = 0; rank < ranks; rank += 1) {
      const row = page + Math.floor(rank / pageRank);
      const column = module * pageRank + (rank % pageRank);
      target[to] = step.isBytes
        ? (row * total + token) * columns + column
        : (row * columns + column) * total + token;
      to += 2;
    }
  }
}

/** The lower halves of 64-bit integers, at even places; the upper halves of small numbers are zero. */
function words({ data }: IntegerTensor): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}
