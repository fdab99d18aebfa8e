import type { EventRecord, ParkedRecord } from './event-log.js';

/** How one delivery ended. `stopped`: the member was asked to let go, and nothing is known of the record. */
export type Outcome =
  | { readonly kind: 'handled' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly reason: string };

export interface ParkedKey {
  readonly topic: string;
  readonly key: string;
}

/**
 * Keeps poison records, and the later records of their keys, aside for a group. A key is in the lot as
 * long as it has a record there, and every new record of such a key must go in behind
 * ({@link parkBehind}): that keeps the order. Parking the same record twice keeps the first.
 */
export abstract class ParkingLot {
  /** Which of `keys` (at most one batch of them) are in the lot. */
  abstract keysAmong(group: string, topic: string, keys: readonly string[]): Promise<Set<string>>;
  /** Parks a record that failed; its key stays until it is released. */
  abstract park(group: string, topic: string, record: EventRecord, reason: string): Promise<void>;
  /** Parks a record of a key that is in the lot; it is released if, and only if, the key is. */
  abstract parkBehind(group: string, topic: string, record: EventRecord): Promise<void>;
  /** Marks the key for delivery by the member that owns its partition. */
  abstract release(group: string, topic: string, key: string): Promise<void>;
  /** Some released keys of the group. */
  abstract releasedKeys(group: string, topics: readonly string[]): Promise<ParkedKey[]>;
  /**
   * Passes the oldest record of a released key to `deliver` and drops it when handled; a failure parks
   * the whole key again. Two callers never deliver one key at once. False when there is no more to do now.
   */
  abstract deliverReleased(
    group: string,
    where: ParkedKey,
    deliver: (record: EventRecord) => Promise<Outcome>,
  ): Promise<boolean>;
  abstract list(group: string, limit: number): Promise<ParkedRecord[]>;
  /** Forgets what is parked for a group that is going to see the topic again from its start. */
  abstract clear(group: string, topic: string): Promise<void>;
  abstract close(): Promise<void>;
}

export const BEHIND = 'behind a parked record of its key';
