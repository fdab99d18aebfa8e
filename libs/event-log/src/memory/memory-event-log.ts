import { Delivery } from '../delivery.js';
import type { Subscription, TopicSpec } from '../event-log.js';
import { type Consumer, EventLog, type EventRecord, type ParkedRecord } from '../event-log.js';
import { partitionOf } from '../partitioner.js';
import { checkRecords, groupRunning, partitionsDiffer, unknownTopic } from '../records.js';
import { MemoryParkingLot } from './memory-parking-lot.js';

interface Member {
  readonly topics: readonly string[];
  readonly delivery: Delivery;
  readonly running: Set<Promise<void>>;
}

interface Group {
  readonly name: string;
  readonly members: Member[];
  /** Next offset by topic and partition. */
  readonly cursors: Map<string, number[]>;
  /** Partitions being worked on; true when something happened since, so they need another look. */
  readonly busy: Map<string, boolean>;
}

/** The log for unit tests: the same promises, kept in this process and lost with it. */
export class MemoryEventLog extends EventLog {
  private readonly topics = new Map<string, EventRecord[][]>();
  private readonly groups = new Map<string, Group>();
  private readonly consumers = new Set<Consumer>();
  private readonly lot = new MemoryParkingLot();

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name, partitions } of topics) {
      const made = this.topics.get(name);
      if (made !== undefined && made.length !== partitions)
        throw partitionsDiffer(name, made.length, partitions);
      if (made === undefined)
        this.topics.set(
          name,
          Array.from({ length: partitions }, () => []),
        );
    }
  }

  async append(topic: string, records: readonly EventRecord[]): Promise<void> {
    const partitions = this.partitionsOf(topic);
    checkRecords(topic, records);
    for (const record of records) partitions[partitionOf(record.key, partitions.length)]?.push(record);
    for (const group of this.groups.values()) this.poke(group);
  }

  async subscribe(subscription: Subscription): Promise<Consumer> {
    const group = this.groupOf(subscription.group);
    for (const topic of subscription.topics) {
      const partitions = this.partitionsOf(topic);
      const start = (records: EventRecord[]) => (subscription.from === 'latest' ? records.length : 0);
      if (!group.cursors.has(topic)) group.cursors.set(topic, partitions.map(start));
    }
    const abort = new AbortController();
    const member: Member = {
      topics: subscription.topics,
      delivery: new Delivery(subscription, this.lot, abort.signal),
      running: new Set(),
    };
    group.members.push(member);
    const consumer = {
      close: async () => {
        this.consumers.delete(consumer);
        abort.abort();
        await Promise.all(member.running);
        const index = group.members.indexOf(member);
        if (index >= 0) group.members.splice(index, 1);
        this.poke(group);
      },
    };
    this.consumers.add(consumer);
    this.poke(group);
    return consumer;
  }

  parked(group: string, limit = 100): Promise<ParkedRecord[]> {
    return this.lot.list(group, limit);
  }

  async releaseParked(group: string, topic: string, key: string): Promise<void> {
    await this.lot.release(group, topic, key);
    this.poke(this.groupOf(group));
  }

  async reset(group: string, topic: string): Promise<void> {
    const partitions = this.partitionsOf(topic);
    const found = this.groupOf(group);
    if (found.members.some((member) => member.topics.includes(topic))) throw groupRunning(group, topic);
    found.cursors.set(
      topic,
      partitions.map(() => 0),
    );
    await this.lot.clear(group, topic);
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.close()));
  }

  private partitionsOf(topic: string): EventRecord[][] {
    const partitions = this.topics.get(topic);
    if (partitions === undefined) throw unknownTopic(topic);
    return partitions;
  }

  private groupOf(name: string): Group {
    const group = this.groups.get(name) ?? { name, members: [], cursors: new Map(), busy: new Map() };
    this.groups.set(name, group);
    return group;
  }

  /** Something happened: partitions at work look again, the others start. */
  private poke(group: Group): void {
    for (const slot of group.busy.keys()) group.busy.set(slot, true);
    this.pump(group);
  }

  /** Starts work on every partition of the group that has an owner and no work in progress. */
  private pump(group: Group): void {
    for (const [topic, cursors] of group.cursors) {
      const members = group.members.filter((member) => member.topics.includes(topic));
      for (const partition of cursors.keys()) {
        const owner = members[partition % members.length];
        const slot = `${topic}/${partition}`;
        if (owner === undefined || group.busy.has(slot)) continue;
        group.busy.set(slot, false);
        const run = this.work(group, owner, topic, partition).then((progress) => {
          const again = progress || group.busy.get(slot) === true;
          group.busy.delete(slot);
          owner.running.delete(run);
          if (again) this.pump(group);
        });
        owner.running.add(run);
      }
    }
  }

  /** One batch of one partition; true when something was done and there may be more to do. */
  private async work(group: Group, owner: Member, topic: string, partition: number): Promise<boolean> {
    const records = this.partitionsOf(topic)[partition] ?? [];
    const count = this.partitionsOf(topic).length;
    const released = await this.lot.releasedKeys(group.name, [topic]);
    const ours = released.filter(({ key }) => partitionOf(key, count) === partition);
    for (const where of ours) await owner.delivery.drain(where);

    const cursors = group.cursors.get(topic) ?? [];
    const next = cursors[partition] ?? 0;
    const batch = records.slice(next, next + owner.delivery.pageOf(topic));
    const done = batch.length === 0 ? 0 : await owner.delivery.deliver(topic, batch);
    cursors[partition] = next + done;
    return done > 0 || ours.length > 0;
  }
}
