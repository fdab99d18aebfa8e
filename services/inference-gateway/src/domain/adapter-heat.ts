export interface Replication {
  /** Workers that the adapter may use, at least one. */
  readonly replicas: number;
  /** It is about to need one more. */
  readonly growing: boolean;
}

interface Heat {
  /** Requests, each halved every {@link HALF_LIFE_MS}. */
  weight: number;
  at: number;
  replicas: number;
}

const HALF_LIFE_MS = 30_000;
/** Below so many requests of late an adapter is not hot, whatever its share. */
const REQUESTS_MIN = 16;
const ADAPTERS_MAX = 4_096;
/** How near the next replica is when it is told to get ready, and how far below one has to be to give it up. */
const GROW_AHEAD = 0.8;
const SHRINK_MARGIN = 0.25;

/** How much of the load of late each adapter makes: one that makes more than a worker's share gets another worker. */
export class AdapterHeat {
  private readonly adapters = new Map<string, Heat>();
  private readonly total: Heat = { weight: 0, at: 0, replicas: 0 };

  /** Counts one request. */
  note(digest: string, nowMs: number): void {
    warm(this.total, nowMs);
    const known = this.adapters.get(digest);
    if (known) {
      warm(known, nowMs);
      return;
    }
    if (this.adapters.size >= ADAPTERS_MAX) this.dropColdest(nowMs);
    this.adapters.set(digest, { weight: 1, at: nowMs, replicas: 1 });
  }

  replication(digest: string, workers: number, nowMs: number): Replication {
    const heat = this.adapters.get(digest);
    if (!heat) return { replicas: 1, growing: false };
    const weight = weightAt(heat, nowMs);
    // In units of one worker's share of all load.
    const shares = (weight / Math.max(weightAt(this.total, nowMs), weight)) * workers;
    const wanted = weight < REQUESTS_MIN ? 1 : Math.max(1, Math.min(workers, Math.floor(shares) + 1));
    if (wanted > heat.replicas) heat.replicas = wanted;
    else if (weight < REQUESTS_MIN || shares < heat.replicas - 1 - SHRINK_MARGIN) heat.replicas = wanted;
    const replicas = Math.min(heat.replicas, workers);
    const growing = weight >= REQUESTS_MIN && replicas < workers && shares > replicas - 1 + GROW_AHEAD;
    return { replicas, growing };
  }

  /** A quarter at a time, so that a stream of new adapters does not sort for each. */
  private dropColdest(nowMs: number): void {
    const coldest = [...this.adapters]
      .map(([digest, heat]) => ({ digest, weight: weightAt(heat, nowMs) }))
      .sort((a, b) => a.weight - b.weight)
      .slice(0, ADAPTERS_MAX >> 2);
    for (const { digest } of coldest) this.adapters.delete(digest);
  }
}

const weightAt = ({ weight, at }: Heat, nowMs: number): number =>
  weight * 2 ** (-Math.max(0, nowMs - at) / HALF_LIFE_MS);

function warm(heat: Heat, nowMs: number): void {
  heat.weight = weightAt(heat, nowMs) + 1;
  heat.at = Math.max(heat.at, nowMs);
}
