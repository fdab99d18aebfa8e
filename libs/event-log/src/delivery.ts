import { setTimeout as pause } from 'node:timers/promises';
import type { EventRecord, Subscription } from './event-log.js';
import type { Outcome, ParkedKey, ParkingLot } from './parking-lot.js';
import { BATCH_RECORDS_MAX, TOGETHER_RECORDS_MAX } from './records.js';

const ATTEMPTS_MAX = 8;
const BACKOFF_MS = 200;
const BACKOFF_MAX_MS = 30_000;
const REASON_LENGTH_MAX = 2_000;

/** What every adapter does with records it holds: retry, park, and never skip or reorder within a key. */
export class Delivery {
  constructor(
    private readonly subscription: Subscription,
    private readonly lot: ParkingLot,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Delivers records of one partition in order, and returns how many, counted from the first, are done
   * with (handled or parked): fewer than given only when the signal asked to stop. `onDone` hears that
   * count after each, so that a caller can commit during a long batch.
   */
  async deliver(
    topic: string,
    records: readonly EventRecord[],
    onDone: (done: number) => void | Promise<void> = () => {},
  ): Promise<number> {
    const keys = [...new Set(records.map((record) => record.key))];
    const parked = await this.lot.keysAmong(this.subscription.group, topic, keys);
    let done = 0;
    let most = records.length;
    while (done < records.length && !this.signal.aborted) {
      const batch = this.batchAt(topic, records, done, parked).slice(0, most);
      if (batch.length > 1) {
        const handled = await this.handleTogether(topic, batch);
        // Halved down to the record that fails, which costs a few calls and not one for each record.
        most = handled ? most * 2 : Math.floor(batch.length / 2);
        if (!handled) continue;
        done += batch.length;
        await onDone(done);
        continue;
      }
      const record = records[done];
      if (record === undefined || !(await this.handleAlone(topic, record, parked))) break;
      most *= 2;
      await onDone(++done);
    }
    return done;
  }

  /** How many records of a topic to read at a time. */
  pageOf(topic: string): number {
    const recordsMax = this.subscription.batches?.get(topic)?.recordsMax ?? 0;
    return Math.min(Math.max(BATCH_RECORDS_MAX, recordsMax), TOGETHER_RECORDS_MAX);
  }

  /** Delivers what was released of one key, oldest first, until it is empty, fails again or is stopped. */
  async drain(where: ParkedKey): Promise<void> {
    const { group } = this.subscription;
    let more = true;
    while (more && !this.signal.aborted) {
      more = await this.lot.deliverReleased(group, where, (record) => this.attempt(record));
    }
  }

  /** The records from `start` on that may be handled together: up to the first whose key is in the lot. */
  private batchAt(
    topic: string,
    records: readonly EventRecord[],
    start: number,
    parked: ReadonlySet<string>,
  ): readonly EventRecord[] {
    const recordsMax = this.subscription.batches?.get(topic)?.recordsMax ?? 1;
    const batch = records.slice(start, start + Math.min(recordsMax, TOGETHER_RECORDS_MAX));
    const end = batch.findIndex((record) => parked.has(record.key));
    return end < 0 ? batch : batch.slice(0, end);
  }

  /** False when the batch failed, or was let go of. */
  private async handleTogether(topic: string, batch: readonly EventRecord[]): Promise<boolean> {
    const { batches, onBatchFailure } = this.subscription;
    try {
      await batches?.get(topic)?.handle(batch, this.signal);
      return true;
    } catch (error) {
      if (!this.signal.aborted) onBatchFailure?.({ topic, records: batch.length, error });
      return false;
    }
  }

  /** Handles or parks one record; false when it was let go of. */
  private async handleAlone(topic: string, record: EventRecord, parked: Set<string>): Promise<boolean> {
    const { group } = this.subscription;
    if (parked.has(record.key)) {
      await this.lot.parkBehind(group, topic, record);
      return true;
    }
    const outcome = await this.attempt(record);
    if (outcome.kind === 'failed') {
      await this.lot.park(group, topic, record, outcome.reason);
      parked.add(record.key);
    }
    return outcome.kind !== 'stopped';
  }

  private async attempt(record: EventRecord): Promise<Outcome> {
    const { attemptsMax = ATTEMPTS_MAX, onFailure } = this.subscription;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.subscription.handle(record, this.signal);
        return { kind: 'handled' };
      } catch (error) {
        if (this.signal.aborted) return { kind: 'stopped' };
        const parked = attempt >= attemptsMax;
        onFailure?.({ record, attempt, parked, error });
        if (parked) return { kind: 'failed', reason: reasonOf(error) };
      }
      await pause(this.backoffMs(attempt), undefined, { signal: this.signal }).catch(() => {});
      if (this.signal.aborted) return { kind: 'stopped' };
    }
  }

  /** Half fixed, half random, so that members that failed together do not come back together. */
  private backoffMs(attempt: number): number {
    const base = Math.min((this.subscription.backoffMs ?? BACKOFF_MS) * 2 ** (attempt - 1), BACKOFF_MAX_MS);
    return base / 2 + (Math.random() * base) / 2;
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, REASON_LENGTH_MAX);
}
