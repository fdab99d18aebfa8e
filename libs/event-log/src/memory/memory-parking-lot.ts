import type { EventRecord, ParkedRecord } from '../event-log.js';
import { BEHIND, type Outcome, type ParkedKey, ParkingLot } from '../parking-lot.js';

interface Lane {
  readonly group: string;
  readonly topic: string;
  readonly key: string;
  released: boolean;
  busy: boolean;
  readonly records: { readonly record: EventRecord; reason: string }[];
}

const laneOf = (group: string, topic: string, key: string) => JSON.stringify([group, topic, key]);

/** A {@link ParkingLot} that forgets when the process ends: for unit tests. */
export class MemoryParkingLot extends ParkingLot {
  private readonly lanes = new Map<string, Lane>();

  async keysAmong(group: string, topic: string, keys: readonly string[]): Promise<Set<string>> {
    return new Set(keys.filter((key) => this.lanes.has(laneOf(group, topic, key))));
  }

  async park(group: string, topic: string, record: EventRecord, reason: string): Promise<void> {
    this.add(group, topic, record, reason).released = false;
  }

  async parkBehind(group: string, topic: string, record: EventRecord): Promise<void> {
    const missing = !this.lanes.has(laneOf(group, topic, record.key));
    const lane = this.add(group, topic, record, BEHIND);
    if (missing) lane.released = true;
  }

  async release(group: string, topic: string, key: string): Promise<void> {
    const lane = this.lanes.get(laneOf(group, topic, key));
    if (lane !== undefined) lane.released = true;
  }

  async releasedKeys(group: string, topics: readonly string[]): Promise<ParkedKey[]> {
    return [...this.lanes.values()]
      .filter((lane) => lane.released && lane.group === group && topics.includes(lane.topic))
      .map(({ topic, key }) => ({ topic, key }));
  }

  async deliverReleased(
    group: string,
    where: ParkedKey,
    deliver: (record: EventRecord) => Promise<Outcome>,
  ): Promise<boolean> {
    const name = laneOf(group, where.topic, where.key);
    const lane = this.lanes.get(name);
    const head = lane?.records[0];
    if (lane === undefined || head === undefined || !lane.released || lane.busy) return false;
    lane.busy = true;
    try {
      const outcome = await deliver(head.record);
      if (outcome.kind === 'failed') {
        lane.released = false;
        head.reason = outcome.reason;
      }
      if (outcome.kind !== 'handled') return false;
      lane.records.shift();
      if (lane.records.length === 0) this.lanes.delete(name);
      return lane.records.length > 0;
    } finally {
      lane.busy = false;
    }
  }

  async list(group: string, limit: number): Promise<ParkedRecord[]> {
    return [...this.lanes.values()]
      .filter((lane) => lane.group === group)
      .flatMap((lane) => lane.records.map((parked) => ({ topic: lane.topic, ...parked })))
      .slice(0, limit);
  }

  async clear(group: string, topic: string): Promise<void> {
    for (const [name, lane] of this.lanes) {
      if (lane.group === group && lane.topic === topic) this.lanes.delete(name);
    }
  }

  async close(): Promise<void> {}

  private add(group: string, topic: string, record: EventRecord, reason: string): Lane {
    const name = laneOf(group, topic, record.key);
    const lane = this.lanes.get(name) ?? {
      group,
      topic,
      key: record.key,
      released: false,
      busy: false,
      records: [],
    };
    if (!lane.records.some((parked) => parked.record.id === record.id)) lane.records.push({ record, reason });
    this.lanes.set(name, lane);
    return lane;
  }
}
