import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Delivery } from '../delivery.js';
import type { Consumer, Subscription } from '../event-log.js';
import type { ParkedKey, ParkingLot } from '../parking-lot.js';
import { partitionOf } from '../partitioner.js';
import { WakeUp } from '../wake-up.js';
import { type LockSession, lockKey, memberHalf, memberKey } from './lock-session.js';
import { type PartitionReader, ReadCursor, type TopicRow } from './partition-reader.js';

export interface ConsumerParts {
  readonly schema: string;
  readonly locks: LockSession;
  readonly lot: ParkingLot;
  readonly reader: PartitionReader;
  /** Tells the other members that partitions became free. */
  readonly announce: () => void;
  readonly onError: (error: unknown) => void;
  readonly onClosed: (consumer: PostgresConsumer) => void;
}

/** Also how soon a lost wake-up, or a member that died, is noticed. */
const POLL_MS = 1_000;
const CONCURRENT_PARTITIONS_MAX = 12;
const COMMIT_EVERY_MS = 1_000;
const RETRY_MS = 1_000;

interface Owned {
  readonly topic: TopicRow;
  readonly partition: number;
  readonly lock: bigint;
  readonly epoch: number;
  readonly abort: AbortController;
  readonly cursor: ReadCursor;
  readonly released: ParkedKey[];
  running: Promise<void> | undefined;
}

/** One member of a group: takes its share of the partitions and works through them. */
export class PostgresConsumer implements Consumer {
  private readonly owned = new Map<string, Owned>();
  private readonly wakeUp = new WakeUp();
  private readonly member = randomInt(2 ** 32);
  private readonly loop: Promise<void>;
  private memberEpoch = 0;
  private checkDue = true;
  private checkedAt = 0;
  private stopping = false;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly subscription: Subscription,
    private readonly topics: readonly TopicRow[],
    private readonly parts: ConsumerParts,
  ) {
    this.loop = this.run();
  }

  /** There may be new records in one of the topics. */
  wake(topic: string): void {
    if (this.subscription.topics.includes(topic)) this.wakeUp.ring();
  }

  /** Partitions or parked keys may have been released. */
  check(): void {
    this.checkDue = true;
    this.wakeUp.ring();
  }

  /** The connection with the locks broke: whoever is still delivering must stop. */
  revoke(): void {
    for (const owned of this.owned.values()) void this.letGo(owned);
    this.check();
  }

  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  private async stop(): Promise<void> {
    this.stopping = true;
    for (const owned of this.owned.values()) owned.abort.abort();
    this.wakeUp.ring();
    await this.loop;
    await Promise.all([...this.owned.values()].map((owned) => this.letGo(owned)));
    for (const topic of this.topics) {
      await this.parts.locks.unlock(memberKey(this.halfOf(topic), this.member), this.memberEpoch);
    }
    this.parts.announce();
    this.parts.onClosed(this);
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        if (this.checkDue || Date.now() - this.checkedAt >= POLL_MS) {
          this.checkDue = false;
          this.checkedAt = Date.now();
          await this.rebalance();
          await this.collectReleased();
        }
        await this.dispatch();
      } catch (error) {
        this.parts.onError(error);
        await pause(RETRY_MS);
      }
      await this.wakeUp.wait(POLL_MS);
    }
  }

  /** Every member aims at an equal share, so nobody needs to lead. */
  private async rebalance(): Promise<void> {
    const { locks } = this.parts;
    if (this.memberEpoch !== locks.epoch) {
      this.memberEpoch = locks.epoch;
      for (const topic of this.topics) await locks.tryLock(memberKey(this.halfOf(topic), this.member));
      this.parts.announce();
    }
    const members = await locks.members(this.topics.map((topic) => this.halfOf(topic)));
    for (const topic of this.topics) {
      const share = Math.ceil(topic.partitions / (members.get(this.halfOf(topic)) ?? 1));
      const mine = [...this.owned.values()].filter((owned) => owned.topic === topic);
      for (const owned of mine.slice(share)) void this.letGo(owned);
      await this.take(topic, share - mine.length);
    }
  }

  private async take(topic: TopicRow, wanted: number): Promise<void> {
    let missing = wanted;
    for (let partition = 0; partition < topic.partitions && missing > 0 && !this.stopping; partition++) {
      const slot = slotOf(topic.name, partition);
      if (this.owned.has(slot)) continue;
      const { schema, locks, reader } = this.parts;
      const { group } = this.subscription;
      const lock = lockKey(schema, group, topic.name, partition);
      const { epoch } = locks;
      if (!(await locks.tryLock(lock))) continue;
      if (epoch !== locks.epoch) return;
      const cursor = new ReadCursor(reader, { group, topic, partition });
      const abort = new AbortController();
      this.owned.set(slot, {
        topic,
        partition,
        lock,
        epoch,
        abort,
        cursor,
        released: [],
        running: undefined,
      });
      missing--;
    }
  }

  private async letGo(owned: Owned): Promise<void> {
    owned.abort.abort();
    await owned.running;
    const slot = slotOf(owned.topic.name, owned.partition);
    if (this.owned.get(slot) !== owned) return;
    await this.parts.locks.unlock(owned.lock, owned.epoch);
    this.owned.delete(slot);
    this.parts.announce();
  }

  private async collectReleased(): Promise<void> {
    const { group, topics } = this.subscription;
    for (const where of await this.parts.lot.releasedKeys(group, topics)) {
      const topic = this.topics.find(({ name }) => name === where.topic);
      if (topic === undefined) continue;
      const owned = this.owned.get(slotOf(where.topic, partitionOf(where.key, topic.partitions)));
      if (owned?.released.some(({ key }) => key === where.key) === false) owned.released.push(where);
    }
  }

  private async dispatch(): Promise<void> {
    if (this.owned.size === 0) return;
    const behind = await this.parts.reader.behind(this.subscription.group, this.topics);
    let free = CONCURRENT_PARTITIONS_MAX;
    for (const owned of this.owned.values()) if (owned.running !== undefined) free--;
    for (const [slot, owned] of this.owned) {
      const idle = owned.running === undefined && !owned.abort.signal.aborted;
      if (free <= 0 || !idle || (owned.released.length === 0 && !behind.has(slot))) continue;
      owned.running = this.work(owned).finally(() => {
        owned.running = undefined;
      });
      free--;
    }
  }

  private async work(owned: Owned): Promise<void> {
    const { signal } = owned.abort;
    const delivery = new Delivery(this.subscription, this.parts.lot, signal);
    try {
      for (const where of owned.released.splice(0)) await delivery.drain(where);
      let progress = true;
      while (progress && !signal.aborted) progress = await this.deliverBatch(owned, delivery);
    } catch (error) {
      this.parts.onError(error);
      owned.cursor.forget();
      await pause(RETRY_MS, undefined, { signal }).catch(() => {});
    }
    // What was appended after the last look is found by the next dispatch.
    this.wakeUp.ring();
  }

  /** False when there was nothing left, or the partition turned out to be somebody else's. */
  private async deliverBatch(owned: Owned, delivery: Delivery): Promise<boolean> {
    const { cursor } = owned;
    const batch = await cursor.read(delivery.pageOf(owned.topic.name));
    if (batch.length === 0) return false;
    let committedAt = Date.now();
    let kept = true;
    const done = await delivery.deliver(owned.topic.name, batch, async (count) => {
      if (Date.now() - committedAt < COMMIT_EVERY_MS) return;
      committedAt = Date.now();
      kept &&= await cursor.commit(count);
      if (!kept) owned.abort.abort();
    });
    kept &&= await cursor.commit(done);
    if (!kept) void this.letGo(owned);
    return kept;
  }

  private halfOf(topic: TopicRow): bigint {
    return memberHalf(this.parts.schema, this.subscription.group, topic.name);
  }
}

const slotOf = (topic: string, partition: number) => `${topic}/${partition}`;
