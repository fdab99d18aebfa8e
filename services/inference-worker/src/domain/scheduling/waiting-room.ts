/** A request that waits for a row. */
export interface Waiting {
  readonly id: number;
  readonly tenant: string;
}

export interface Offer<T> {
  /** Whether starting it costs nothing but the row: its adapters are where steps need them. */
  readonly ready: (request: T) => boolean;
  /** Whether it has started before, and holds what it needed so far until it ends. */
  readonly begun: (request: T) => boolean;
  /** Makes sure that the request can start; where this is true it is started. */
  readonly fits: (request: T) => boolean;
}

interface Place<T> {
  readonly request: T;
  /** Requests that were started while this one was due and could not or did not start. */
  passed: number;
}

/** How far into a tenant's queue a request with its adapters at hand is looked for. */
const LOOK_AHEAD = 16;
/** After so many others went first, a request goes first and the rest waits for it. */
export const PASSES_MAX = 16;

/**
 * Requests in order of arrival, a queue for each tenant. The next to start is of the tenant that was served
 * least; within a tenant the oldest, except that a request whose adapters are at hand may overtake one that
 * first needs a place for its own. Overtaking is counted: a request passed by {@link PASSES_MAX} others is
 * due before everybody, and nobody new starts until it fits: only rows that had begun go on.
 */
export class WaitingRoom<T extends Waiting> {
  private readonly queues = new Map<string, Place<T>[]>();
  private count = 0;

  /** @param served what a tenant has been given so far */
  constructor(private readonly served: (tenant: string) => number) {}

  get size(): number {
    return this.count;
  }

  get tenants(): IterableIterator<string> {
    return this.queues.keys();
  }

  *requests(): Generator<T> {
    for (const queue of this.queues.values()) for (const { request } of queue) yield request;
  }

  add(request: T): void {
    this.put(request, (queue, place) => queue.push(place));
  }

  /** For a request that had started and gave up its row: it goes on before its tenant's others. */
  addFirst(request: T): void {
    this.put(request, (queue, place) => queue.unshift(place));
  }

  remove(id: number): T | undefined {
    for (const [tenant, queue] of this.queues) {
      const index = queue.findIndex(({ request }) => request.id === id);
      if (index >= 0) return this.take(tenant, queue, index);
    }
    return undefined;
  }

  /** Takes out the request that is next; undefined where none fits or the one that is due does not. */
  next(offer: Offer<T>): T | undefined {
    const ordered = this.ordered();
    const overdue = mostPassed(ordered);
    if (overdue) {
      const [tenant, queue, index] = overdue;
      const place = queue[index];
      if (place && offer.fits(place.request)) return this.take(tenant, queue, index);
      return this.goOn(ordered, offer);
    }
    const passed: Place<T>[] = [];
    for (const [tenant, queue] of ordered) {
      const index = startable(queue, offer);
      passed.push(...queue.slice(0, index ?? 1));
      if (index === undefined) continue;
      for (const place of passed) place.passed += 1;
      return this.take(tenant, queue, index);
    }
    return undefined;
  }

  /** The request that {@link next} would look at first. */
  get due(): T | undefined {
    const ordered = this.ordered();
    const overdue = mostPassed(ordered);
    if (overdue) return overdue[1][overdue[2]]?.request;
    return ordered[0]?.[1][0]?.request;
  }

  /** A row that had begun: what the overdue request waits for may be what such a row holds. */
  private goOn(ordered: readonly (readonly [string, Place<T>[]])[], offer: Offer<T>): T | undefined {
    for (const [tenant, queue] of ordered) {
      const index = queue.findIndex(({ request }) => offer.begun(request) && offer.fits(request));
      if (index >= 0) return this.take(tenant, queue, index);
    }
    return undefined;
  }

  private ordered(): (readonly [string, Place<T>[]])[] {
    const ranked = [...this.queues].map((entry) => ({ entry, served: this.served(entry[0]) }));
    return ranked.sort((a, b) => a.served - b.served).map(({ entry }) => entry);
  }

  private put(request: T, place: (queue: Place<T>[], place: Place<T>) => void): void {
    const queue = this.queues.get(request.tenant) ?? [];
    place(queue, { request, passed: 0 });
    this.queues.set(request.tenant, queue);
    this.count += 1;
  }

  private take(tenant: string, queue: Place<T>[], index: number): T | undefined {
    const [taken] = queue.splice(index, 1);
    if (queue.length === 0) this.queues.delete(tenant);
    if (taken) this.count -= 1;
    return taken?.request;
  }
}

/** The place in a tenant's queue that may start: the first whose adapters are at hand, else the first. */
function startable<T>(queue: readonly Place<T>[], { fits, ready }: Offer<T>): number | undefined {
  const seen = queue.slice(0, LOOK_AHEAD).map(({ request }) => request);
  const atHand = seen.findIndex((request) => ready(request) && fits(request));
  if (atHand >= 0) return atHand;
  const first = seen.findIndex((request) => fits(request));
  return first >= 0 ? first : undefined;
}

function mostPassed<T>(
  queues: readonly (readonly [string, Place<T>[]])[],
): readonly [string, Place<T>[], number] | undefined {
  let most = PASSES_MAX - 1;
  let found: readonly [string, Place<T>[], number] | undefined;
  for (const [tenant, queue] of queues) {
    for (const [index, { passed }] of queue.slice(0, LOOK_AHEAD).entries()) {
      if (passed <= most) continue;
      most = passed;
      found = [tenant, queue, index];
    }
  }
  return found;
}
