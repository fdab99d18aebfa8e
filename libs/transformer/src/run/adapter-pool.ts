import { DomainError, InvariantError, invariant } from '@openledger/kernel';
import { type GroupPages, groupPages, moduleGroups, type Packing, pageRank } from '../graph/rank-pages.js';
import type { ModelConfig } from '../model.js';
import { type PackedAdapter, type PackedGroup, spreadBytes } from './packed-adapter.js';
import { NumberWriter } from './packed-numbers.js';
import type { FeedTensor } from './session.js';

/** A run of pages. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

const windowsKept = 16;

/** The memory of one layer's group of modules. */
interface Plane extends GroupPages {
  readonly group: number;
  readonly bytes: Int8Array;
  readonly floats: Float32Array;
  readonly worth: Float32Array;
  /** B by module. */
  readonly products: readonly Float32Array[];
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
        : groupPages(model).map((group, index) => {
            const size = ranks * group.modules.length;
            const isBytes = packing === 'int8';
            return {
              ...group,
              group: index % moduleGroups.length,
              bytes: new Int8Array(isBytes ? size * group.input : 0),
              floats: new Float32Array(isBytes ? 0 : size * group.input),
              worth: new Float32Array(isBytes ? size : 0),
              products: group.up.map(({ out }) => new Float32Array(ranks * out)),
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
    const part = <Data extends Int8Array | Float32Array>(data: Data): Data => {
      const page = data.length / this.pageCount;
      return data.subarray(window.first * page, (window.first + window.count) * page) as Data;
    };
    for (const plane of this.#planes) {
      const ranks = pageRank * plane.modules.length;
      if (this.packing === 'int8') {
        tensors.set(plane.down, { shape: [window.count, plane.input, ranks], data: part(plane.bytes) });
        tensors.set(plane.scales, { shape: [window.count, 1, ranks], data: part(plane.worth) });
      } else {
        tensors.set(plane.down, { shape: [window.count * ranks, plane.input], data: part(plane.floats) });
      }
      for (const [index, { name, out }] of plane.up.entries()) {
        const shape = [columns ? 1 : slots, columns ? slots : 1, width * pageRank, out];
        tensors.set(name, { shape, data: part(plane.products[index] ?? new Float32Array(0)) });
      }
    }
    this.#windows.set(key, tensors);
    return tensors;
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

  /** First page of the shortest free run that is long enough. */
  #hole(pages: number): number | undefined {
    const taken = [...this.#places.values()].sort((a, b) => a.first - b.first);
    let best: PageRun | undefined;
    let end = 0;
    for (const { first, count } of [...taken, { first: this.pageCount, count: 0 }]) {
      const start = aligned(end, pages);
      const free = first - start;
      if (free >= pages && (!best || free < best.count)) best = { first: start, count: free };
      end = first + count;
    }
    return best?.first;
  }

  /** Moves adapters together at the front and returns the place that this makes. */
  #compacted(pages: number): number {
    const order = [...this.#places].sort(([, a], [, b]) => a.first - b.first).map(([adapter]) => adapter);
    let end = 0;
    for (let next = order.shift(); next; next = order.shift()) {
      if (aligned(end, next.pages) !== end) {
        // A single page fills what a pair cannot begin at.
        const single = order.findIndex((adapter) => adapter.pages === 1);
        const [filler] = single >= 0 ? order.splice(single, 1) : [];
        if (filler) this.#move(filler, end);
        end += 1;
      }
      this.#move(next, end);
      end += next.pages;
    }
    const first = this.#hole(pages);
    invariant(first !== undefined, 'free pages lie together after compaction');
    return first;
  }

  #move(adapter: PackedAdapter, to: number): void {
    const { first, count } = this.placeOf(adapter);
    if (first === to) return;
    for (const { bytes, floats, worth, products } of this.#planes) {
      for (const data of [bytes, floats, worth, ...products]) {
        const page = data.length / this.pageCount;
        data.copyWithin(to * page, first * page, (first + count) * page);
      }
    }
    this.#places.set(adapter, { first: to, count });
  }

  #write(first: number, adapter: PackedAdapter): void {
    let next = 0;
    for (const [index, plane] of this.#planes.entries()) {
      const group = adapter.groups[next];
      const here = group && group.layer * moduleGroups.length + group.group === index ? group : undefined;
      if (here) next += 1;
      this.#writeGroup(plane, here, { first, adapter });
    }
  }

  #writeGroup(
    plane: Plane,
    group: PackedGroup | undefined,
    { first, adapter }: { readonly first: number; readonly adapter: PackedAdapter },
  ): void {
    const { rank, pages } = adapter;
    const modules = plane.modules.length;
    const part = <Data extends Int8Array | Float32Array>(data: Data): Data => {
      const page = data.length / this.pageCount;
      return data.subarray(first * page, (first + pages) * page) as Data;
    };
    const worth = part(plane.worth).fill(0);
    const floats = part(plane.floats);
    const { down, up, members } = group ?? unadapted;
    if ('levels' in down) {
      spreadBytes(part(plane.bytes), down, { rank, members, modules });
      for (const [index, member] of members.entries()) {
        for (let row = 0; row < rank; row += 1) {
          const at = (Math.floor(row / pageRank) * modules + member) * pageRank + (row % pageRank);
          worth[at] = down.scales[index * rank + row] ?? 0;
        }
      }
    } else {
      part(plane.bytes).fill(0);
      if (floats.length > 0) this.#writeFloats(floats.fill(0), down, { rank, members, plane });
    }
    for (const [at, data] of plane.products.entries()) {
      const target = part(data);
      const numbers = up[members.indexOf(at)];
      if (numbers) this.#numbers.write(target, numbers, this.packing === 'int8' ? 1 : adapter.scale);
      target.fill(0, numbers?.data.length ?? 0);
    }
  }

  /** A by page, module and rank row. */
  #writeFloats(
    target: Float32Array,
    down: Exclude<PackedGroup['down'], { readonly levels: Int8Array }>,
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

const unadapted: Pick<PackedGroup, 'down' | 'up' | 'members'> = { down: [], up: [], members: [] };

/** Where a run of `pages` can begin from `at` on: pairs begin at even pages. */
const aligned = (at: number, pages: number): number => (pages === 1 ? at : at + (at % 2));
