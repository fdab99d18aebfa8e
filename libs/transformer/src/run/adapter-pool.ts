import { DomainError, InvariantError, invariant } from '@openledger/kernel';
import { modulePath } from '../graph/parameters.js';
import { type PageInput, pageInputs, pageRank } from '../graph/rank-pages.js';
import type { ModelConfig, Tensor } from '../model.js';
import { type PackedAdapter, type Packing, widenInto } from './packed-adapter.js';

interface Plane extends PageInput {
  readonly path: string;
  readonly data: Float32Array;
}

/** A run of pages, in pages. */
export interface PageWindow {
  readonly first: number;
  readonly count: number;
}

/**
 * The adapters that steps can use, in pages of one rank. An adapter lies in neighbouring pages, so that
 * what a step needs is one window of the memory, which the runtime reads in place.
 */
export class AdapterPool {
  readonly #planes: readonly Plane[];
  readonly #places = new Map<PackedAdapter, PageWindow>();
  #reading = 0;

  constructor(
    model: ModelConfig,
    /** Pages of rank 8. */
    readonly pageCount: number,
    /** The form that {@link load} takes. */
    readonly packing: Packing,
  ) {
    this.#planes =
      pageCount === 0
        ? []
        : pageInputs(model).map((input) => ({
            ...input,
            path: modulePath(input.layer, input.module),
            data: new Float32Array(pageCount * pageRank * input.width),
          }));
  }

  get pagesFree(): number {
    let used = 0;
    for (const { count } of this.#places.values()) used += count;
    return this.pageCount - used;
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
    const first = this.#hole(adapter.pages) ?? this.#compact();
    this.#write(first, adapter);
    this.#places.set(adapter, { first, count: adapter.pages });
  }

  unload(adapter: PackedAdapter): void {
    this.#refuseWhileReading();
    this.#places.delete(adapter);
  }

  /** Where an adapter lies until the next load or unload. */
  placeOf(adapter: PackedAdapter): PageWindow {
    const place = this.#places.get(adapter);
    if (!place) throw new InvariantError('a row uses an adapter that is not loaded');
    return place;
  }

  /** The smallest window that holds these adapters; one page where there are none. */
  windowOf(adapters: Iterable<PackedAdapter>): PageWindow {
    let first = Number.POSITIVE_INFINITY;
    let end = 0;
    for (const adapter of adapters) {
      const place = this.placeOf(adapter);
      first = Math.min(first, place.first);
      end = Math.max(end, place.first + place.count);
    }
    return end === 0 ? { first: 0, count: 1 } : { first, count: end - first };
  }

  /** Tensors of a window, borrowed until {@link read} ends. */
  tensors({ first, count }: PageWindow): Map<string, Tensor> {
    return new Map(
      this.#planes.map(({ name, width, data }) => {
        const page = pageRank * width;
        const part = data.subarray(first * page, (first + count) * page);
        return [name, { shape: [count * pageRank, width], data: part }];
      }),
    );
  }

  /** Holds the memory still while a step reads it. */
  async read<T>(step: () => Promise<T>): Promise<T> {
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

  /** First page of a free run, the shortest that is long enough. */
  #hole(pages: number): number | undefined {
    const taken = [...this.#places.values()].sort((a, b) => a.first - b.first);
    let best: PageWindow | undefined;
    let end = 0;
    for (const { first, count } of [...taken, { first: this.pageCount, count: 0 }]) {
      const free = first - end;
      if (free >= pages && (!best || free < best.count)) best = { first: end, count: free };
      end = first + count;
    }
    return best?.first;
  }

  /** Moves adapters together at the front; returns the first free page. */
  #compact(): number {
    let end = 0;
    const byPlace = [...this.#places].sort(([, a], [, b]) => a.first - b.first);
    for (const [adapter, { first, count }] of byPlace) {
      if (first !== end) {
        for (const { width, data } of this.#planes) {
          const page = pageRank * width;
          data.copyWithin(end * page, first * page, (first + count) * page);
        }
        this.#places.set(adapter, { first: end, count });
      }
      end += count;
    }
    return end;
  }

  #write(first: number, adapter: PackedAdapter): void {
    for (const { path, part, width, data } of this.#planes) {
      const page = pageRank * width;
      const target = data.subarray(first * page, (first + adapter.pages) * page);
      const site = adapter.sites.get(path);
      if (!site) {
        target.fill(0);
        continue;
      }
      target.fill(0, adapter.rank * width);
      if (part === 'A') widenInto(target, site.a, 1);
      else widenInto(target, site.b, adapter.scale);
    }
  }
}
