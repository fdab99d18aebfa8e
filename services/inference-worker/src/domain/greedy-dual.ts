export interface CacheItem {
  readonly bytes: number;
  /** What it takes to get it back, in milliseconds. */
  readonly cost: number;
}

interface Kept extends CacheItem {
  uses: number;
  value: number;
}

/** Keys whose use is remembered beyond their stay. */
const REMEMBERED_MAX = 10_000;
/** What is left of former use when something comes back. */
const REMEMBERED_SHARE = 0.5;

/**
 * GreedyDual-Size-Frequency (Cherkasova, HPL-98-69R1, 1998): what goes first has the least
 * H = L + uses · cost / bytes. L is the H of what went last, so that everything not used since sinks below
 * what is used now. Under least-recently-used, a cycle longer than the cache misses every time; here what
 * is used often, is dear to load again or is small outlasts it. Use is remembered for
 * a while after something went, or nothing would ever be used twice in such a cycle.
 */
export class GreedyDual {
  /** What was used longest ago comes first, which decides between equals. */
  private readonly kept = new Map<string, Kept>();
  /** Uses of what went; what went longest ago comes first. */
  private readonly gone = new Map<string, number>();
  private inflation = 0;

  add(key: string, { bytes, cost }: CacheItem): void {
    const before = this.gone.get(key) ?? 0;
    this.gone.delete(key);
    const kept = { bytes, cost, uses: 1 + before * REMEMBERED_SHARE, value: 0 };
    kept.value = this.valueOf(kept);
    this.kept.set(key, kept);
  }

  used(key: string): void {
    const kept = this.kept.get(key);
    if (!kept) return;
    kept.uses += 1;
    kept.value = this.valueOf(kept);
    this.kept.delete(key);
    this.kept.set(key, kept);
  }

  /** It left for another reason than room. */
  remove(key: string): void {
    this.kept.delete(key);
  }

  /** Chooses what goes next, of what may go, and forgets it. */
  evict(mayGo: (key: string) => boolean): string | undefined {
    let least: readonly [string, Kept] | undefined;
    for (const entry of this.kept) {
      if ((least === undefined || entry[1].value < least[1].value) && mayGo(entry[0])) least = entry;
    }
    if (!least) return undefined;
    const [key, { value, uses }] = least;
    this.inflation = Math.max(this.inflation, value);
    this.kept.delete(key);
    this.remember(key, uses);
    return key;
  }

  private remember(key: string, uses: number): void {
    const [oldest] = this.gone.keys();
    if (this.gone.size >= REMEMBERED_MAX && oldest !== undefined) this.gone.delete(oldest);
    this.gone.set(key, uses);
  }

  private valueOf({ uses, cost, bytes }: Kept): number {
    return this.inflation + (uses * cost) / Math.max(bytes, 1);
  }
}
