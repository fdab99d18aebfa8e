interface Failure<E> {
  readonly error: E;
  readonly until: number;
  readonly times: number;
}

export interface LoadFailuresOptions {
  /** How long the first failure is believed, in milliseconds: short, because a file may still be on its way. */
  readonly firstMs: number;
  readonly longestMs: number;
  readonly entriesMax: number;
}

/**
 * What could not be loaded lately, and why. Each failure in a row is believed twice as long as the one
 * before, and none for ever: an adapter that cannot be had costs little, and one that is repaired is served.
 */
export class LoadFailures<E> {
  /** What failed longest ago comes first. */
  private readonly failures = new Map<string, Failure<E>>();

  constructor(private readonly options: LoadFailuresOptions) {}

  /** Why it is not worth trying now; undefined when it is. */
  reason(key: string, now: number): E | undefined {
    const known = this.failures.get(key);
    return known && known.until > now ? known.error : undefined;
  }

  failed(key: string, error: E, now: number): void {
    const { firstMs, longestMs, entriesMax } = this.options;
    const before = this.failures.get(key);
    this.failures.delete(key);
    // A failure long past counts no more.
    const times = before && before.until + longestMs > now ? before.times + 1 : 1;
    const [oldest] = this.failures.keys();
    if (this.failures.size >= entriesMax && oldest !== undefined) this.failures.delete(oldest);
    const waitMs = Math.min(firstMs * 2 ** Math.min(times - 1, 30), longestMs);
    this.failures.set(key, { error, until: now + waitMs, times });
  }

  succeeded(key: string): void {
    this.failures.delete(key);
  }
}
