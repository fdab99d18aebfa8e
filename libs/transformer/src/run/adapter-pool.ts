import { DomainError, InvariantError, invariant } from '@openledger/kernel';
import { type GroupPages, groupPages, moduleGroups, type Packing, pageRank } from '../graph/rank-pages.js';
import type { ModelConfig } from '../model.js';
import { type PackedAdapter, type PackedFloats, type PackedGroup, spreadBytes } from './packed-adapter.js';
import { NumberWriter } from './packed-numbers.js';
import { allInRow, besideOneAnother, freeRun, type PageRun } from './page-layout.js';
import type { FeedTensor } from './session.js';

const windowsKept = 16;

/** Moving an adapter costs about as much as a disorderly step loses. */
const asksBeforeMoving = 3;

/** The memory of one layer's group of modules. */
interface Plane extends GroupPages {
  readonly a: Int8Array | Float32Array;
  readonly worth: Float32Array;
  /** B by module. */
  readonly b: readonly Float32Array[];
}

/**
 * The adapters that steps can use, in pages of one rank. An adapter lies in neighbouring pages, so that
 * what a step needs is one window of the memory, which the runtime reads in place; only adapters that
 * come new are copied. Memory that no adapter has touched yet is not taken from the machine.
 */
export class AdapterPool {
  /** Pages of rank 8. */
  readonly pageCount: number;
  readonly #planes: readonly Plane[];
  readonly #places = new Map<PackedAdapter, PageRun>();
  readonly #numbers = new NumberWriter();
  #reading = 0;
  /** The adapters of the last batch, and how often in a row they were asked for. */
  #asked: readonly PackedAdapter[] = [];
  #asks = 0;
  #version = 0;
  /** Windows used lately; the memory under them never moves. */
  readonly #windows = new Map<string, ReadonlyMap<string, FeedTensor>>();

  constructor(
    model: ModelConfig,
    pageCount: number,
    /** The form that {@link load} takes. */
    readonly packing: Packing,
  ) {
    // Even, so that pairs of pages can always be moved together, and two pairs for a window of two slots.
    this.pageCount = pageCount === 0 ? 0 : Math.max(4, 2 * Math.ceil(pageCount / 2));
    const ranks = this.pageCount * pageRank;
    this.#planes =
      ranks === 0
        ? []
        : groupPages(model).map((group) => {
            const size = ranks * group.modules.length;
            const numbers = (count: number) =>
              packing === 'int8' ? new Int8Array(count) : new Float32Array(count);
            return {
              ...group,
              a: numbers(size * group.input),
              worth: new Float32Array(packing === 'int8' ? size : 0),
              // Floats in either packing: widening bytes in every step costs more than reading them.
              b: group.up.map(({ out }) => new Float32Array(ranks * out)),
            };
          });
  }

  get pagesFree(): number {
    let used = 0;
    for (const { count } of this.#places.values()) used += count;
    return this.pageCount - used;
  }

  /** Differs whenever places may. */
  get version(): number {
    return this.#version;
  }

  has(adapter: PackedAdapter): boolean {
    return this.#places.has(adapter);
  }

  /** Copies an adapter in, which takes milliseconds; nothing is done where it is there already. */
  load(adapter: PackedAdapter): void {
    this.#refuseWhileReading();
    if (this.#places.has(adapter)) return;
    if (adapter.packing !== this.packing) {
      throw new DomainError(
        'precondition',
        'ADAPTER_PACKING',
        `The adapter is packed as ${adapter.packing}; this session takes ${this.packing}.`,
      );
    }
    if (adapter.pages > this.pagesFree) {
      throw new DomainError(
        'exhausted',
        'ADAPTER_POOL_FULL',
        `The adapter needs ${adapter.pages} pages of rank ${pageRank}; ${this.pagesFree} of ${this.pageCount} are free.`,
      );
    }
    const first = this.#hole(adapter.pages) ?? this.#compacted(adapter.pages);
    this.#write(first, adapter);
    this.#places.set(adapter, { first, count: adapter.pages });
    this.#version += 1;
  }

  unload(adapter: PackedAdapter): void {
    this.#refuseWhileReading();
    if (this.#places.delete(adapter)) this.#version += 1;
  }

  /** Where an adapter lies until the next load or unload. */
  placeOf(adapter: PackedAdapter): PageRun {
    const place = this.#places.get(adapter);
    if (!place) throw new InvariantError('a row uses an adapter that is not loaded');
    return place;
  }

  /**
   * The tensors of a window for slots of `width` pages, borrowed until {@link read} ends. `columns` says
   * whether slots are the inner axis of the cells.
   */
  tensors(window: PageRun, width: number, columns: boolean): ReadonlyMap<string, FeedTensor> {
    const key = [window.first, window.count, width, columns].join();
    const known = this.#windows.get(key);
    if (known) return known;
    if (this.#windows.size >= windowsKept) this.#windows.clear();
    const tensors = new Map<string, FeedTensor>();
    const slots = window.count / width;
    for (const plane of this.#planes) {
      const ranks = pageRank * plane.modules.length;
      if (this.packing === 'int8') {
        tensors.set(plane.down, {
          shape: [window.count, plane.input, ranks],
          data: this.#part(plane.a, window),
        });
        tensors.set(plane.scales, { shape: [window.count, 1, ranks], data: this.#part(plane.worth, window) });
      } else {
        tensors.set(plane.down, {
          shape: [window.count * ranks, plane.input],
          data: this.#part(plane.a, window),
        });
      }
      for (const [index, data] of plane.b.entries()) {
        const { name = '', out = 0 } = plane.up[index] ?? {};
        const shape = [columns ? 1 : slots, columns ? slots : 1, width * pageRank, out];
        tensors.set(name, { shape, data: this.#part(data, window) });
      }
    }
    this.#windows.set(key, tensors);
    return tensors;
  }

  /**
   * Moves the adapters of a batch side by side in the order of its rows, once a batch has come back often
   * enough to pay for it: a window has no pages then that nobody needs, and results need not be sorted.
   */
  bringTogether(adapters: readonly PackedAdapter[]): void {
    // Another step may be under way; this one works with the places as they are.
    if (this.#reading > 0) return;
    const wanted = [...new Set(adapters)];
    const isSame =
      wanted.length === this.#asked.length && wanted.every((each, at) => each === this.#asked[at]);
    this.#asked = wanted;
    this.#asks = isSame ? this.#asks + 1 : 1;
    if (wanted.length < 2 || this.#asks !== asksBeforeMoving) return;
    for (const adapter of wanted) this.placeOf(adapter);
    const places = besideOneAnother(this.#places, wanted, this.pageCount);
    if (places) this.#rearrange(places);
  }

  #rearrange(places: ReadonlyMap<PackedAdapter, PageRun>): void {
    const moved = [...places].filter(([adapter, { first }]) => this.placeOf(adapter).first !== first);
    for (const { a, worth, b } of this.#planes) {
      for (const data of [a, worth, ...b]) {
        const copies = moved.map(([adapter]) => this.#part(data, this.placeOf(adapter)).slice());
        for (const [index, [, place]] of moved.entries()) this.#part(data, place).set(copies[index] ?? []);
      }
    }
    for (const [adapter, place] of moved) this.#places.set(adapter, place);
    this.#version += 1;
  }

  /** Holds the memory still while a step reads it. */
  async read<Result>(step: () => Promise<Result>): Promise<Result> {
    this.#reading += 1;
    try {
      return await step();
    } finally {
      this.#reading -= 1;
    }
  }

  #refuseWhileReading(): void {
    invariant(this.#reading === 0, 'adapters cannot be moved while a step reads them');
  }

  #hole(pages: number): number | undefined {
    return freeRun(this.#places.values(), this.pageCount, pages);
  }

  #compacted(pages: number): number {
    this.#rearrange(allInRow(this.#places, []));
    const first = this.#hole(pages);
    invariant(first !== undefined, 'free pages lie together after compaction');
    return first;
  }

  /** The memory of some pages. */
  #part<Data extends Int8Array | Float32Array>(data: Data, { first, count }: PageRun): Data {
    const page = data.length / this.pageCount;
    return data.subarray(first * page, (first + count) * page) as Data;
  }

  #write(first: number, adapter: PackedAdapter): void {
    const run = { first, count: adapter.pages };
    let next = 0;
    for (const [index, plane] of this.#planes.entries()) {
      const group = adapter.groups[next];
      const here = group && group.layer * moduleGroups.length + group.group === index ? group : undefined;
      if (here) next += 1;
      const a = this.#part(plane.a, run);
      const worth = this.#part(plane.worth, run).fill(0);
      const b = plane.b.map((data) => this.#part(data, run));
      for (const data of here ? b.filter((_, at) => !here.members.includes(at)) : [a, ...b]) data.fill(0);
      if (here) this.#writeGroup(plane, here, { adapter, a, worth, b });
    }
  }

  #writeGroup(plane: Plane, { members, factors }: PackedGroup, { adapter, a, worth, b }: Target): void {
    const { rank } = adapter;
    const modules = plane.modules.length;
    if (!('scales' in factors)) {
      for (const [index, member] of members.entries()) {
        const [numbers, target] = [factors.up[index], b[member]];
        if (!numbers || !target) continue;
        this.#numbers.write(target, numbers, adapter.scale);
        target.fill(0, numbers.data.length);
      }
      if (a instanceof Float32Array) this.#writeFloats(a.fill(0), factors.down, { rank, members, plane });
      return;
    }
    if (a instanceof Int8Array) spreadBytes(a, factors.down, { rank, members, modules });
    for (const [index, member] of members.entries()) {
      const levels = factors.up[index] ?? new Int8Array(0);
      b[member]?.fill(0, levels.length).set(levels);
      for (let row = 0; row < rank; row += 1) {
        const at = (Math.floor(row / pageRank) * modules + member) * pageRank + (row % pageRank);
        worth[at] = factors.scales[index * rank + row] ?? 0;
      }
    }
  }

  /** A by page, module and rank row. */
  #writeFloats(
    target: Float32Array,
    down: PackedFloats['down'],
    how: { readonly rank: number; readonly members: readonly number[]; readonly plane: Plane },
  ): void {
    const { rank, members, plane } = how;
    const page = pageRank * plane.input;
    for (const [index, member] of members.entries()) {
      const numbers = down[index];
      if (!numbers) continue;
      for (let first = 0; first < rank; first += pageRank) {
        const end = Math.min(first + pageRank, rank) * plane.input;
        const data = numbers.data.subarray(first * plane.input, end);
        const at = ((first / pageRank) * plane.modules.length + member) * page;
        const part = { format: numbers.format, data } as typeof numbers;
        this.#numbers.write(target.subarray(at, at + page), part, 1);
      }
    }
  }
}

/** Where one group of an adapter is written. */
interface Target {
  readonly adapter: PackedAdapter;
  readonly a: Int8Array | Float32Array;
  readonly worth: Float32Array;
  readonly b: readonly Float32Array[];
}
