import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer as Client, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { Delivery } from '../delivery.js';
import type { Consumer, Subscription } from '../event-log.js';
import type { ParkedKey, ParkingLot } from '../parking-lot.js';
import { partitionOf } from '../partitioner.js';
import { WakeUp } from '../wake-up.js';
import { fromMessage } from './cloud-event.js';

export interface KafkaConsumerParts {
  readonly kafka: Kafka;
  readonly lot: ParkingLot;
  readonly partitions: ReadonlyMap<string, number>;
  readonly onError: (error: unknown) => void;
  readonly onClosed: (consumer: KafkaConsumer) => void;
}

const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 1_000;
const FETCH_WAIT_MS = 500;
const PARTITION_BYTES_MAX = 1024 * 1024;
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
const CONCURRENT_PARTITIONS_MAX = 12;
const COMMIT_EVERY_MS = 1_000;
const POLL_MS = 1_000;
const RETRY_MS = 1_000;
/**
 * kafkajs fetches again when every batch it handed out is back. A batch that takes longer than this is
 * finished beside it, with its partition paused, so that it slows only itself and heartbeats go on.
 */
const DETACH_MS = 500;

interface Slot {
  readonly topic: string;
  readonly partition: number;
}

/** One member of a group. */
export class KafkaConsumer implements Consumer {
  private client: Client | undefined;
  /** Aborted when the group rebalances: what is in hand may belong to another member. */
  private tenure = new AbortController();
  private readonly busy = new Map<string, Promise<void>>();
  private assigned: Readonly<Record<string, number[]>> = {};
  private readonly wakeUp = new WakeUp();
  private stopping = false;
  private loop: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly subscription: Subscription,
    private readonly parts: KafkaConsumerParts,
  ) {}

  async start(): Promise<void> {
    await this.connect();
    this.loop = this.watchLot();
  }

  /** Parked keys may have been released. */
  check(): void {
    this.wakeUp.ring();
  }

  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  private async stop(): Promise<void> {
    this.stopping = true;
    this.tenure.abort();
    this.wakeUp.ring();
    await this.loop;
    await Promise.all(this.busy.values());
    await this.client?.disconnect().catch(this.parts.onError);
    this.parts.onClosed(this);
  }

  private async connect(): Promise<void> {
    const { group, topics, from } = this.subscription;
    const client = this.parts.kafka.consumer({
      groupId: group,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: PARTITION_BYTES_MAX,
      maxBytes: FETCH_BYTES_MAX,
      allowAutoTopicCreation: false,
    });
    client.on(client.events.GROUP_JOIN, ({ payload }) => {
      this.tenure.abort();
      if (!this.stopping) this.tenure = new AbortController();
      this.assigned = payload.memberAssignment;
      for (const [topic, partitions] of Object.entries(this.assigned)) {
        for (const partition of partitions) this.resume({ topic, partition });
      }
      this.wakeUp.ring();
    });
    client.on(client.events.REBALANCING, () => this.tenure.abort());
    client.on(client.events.CRASH, ({ payload }) => {
      this.tenure.abort();
      this.parts.onError(payload.error);
      if (!payload.restart) void this.reconnect();
    });
    this.client = client;
    await client.connect();
    await client.subscribe({ topics: [...topics], fromBeginning: from !== 'latest' });
    await client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS_MAX,
      eachBatch: (payload) => this.onBatch(payload),
    });
  }

  private async reconnect(): Promise<void> {
    while (!this.stopping) {
      await pause(RETRY_MS);
      await this.client?.disconnect().catch(() => {});
      if (this.stopping) return;
      const connected = await this.connect().then(
        () => true,
        (error: unknown) => {
          this.parts.onError(error);
          return false;
        },
      );
      if (connected) return;
    }
  }

  private async onBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const slot = { topic, partition };
    if (this.tenure.signal.aborted || this.busy.has(nameOf(slot))) {
      payload.pause();
      return;
    }
    if (payload.isStale() || !payload.isRunning()) return;
    const work = this.occupy(slot, (signal) => this.deliver(slot, messages, signal, payload.resolveOffset));
    const timer = new AbortController();
    const late = pause(DETACH_MS, true, { signal: timer.signal }).catch(() => false);
    if (await Promise.race([work.then(() => false), late])) {
      payload.pause();
      // It may have ended, and resumed the partition, a moment before.
      void work.then(() => this.resume(slot));
    }
    timer.abort();
  }

  /** Runs work that no other work on the partition may overlap with. */
  private occupy(slot: Slot, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.tenure;
    const name = nameOf(slot);
    const run = work(signal)
      .catch(async (error: unknown) => {
        if (signal.aborted) return;
        this.parts.onError(error);
        await pause(RETRY_MS, undefined, { signal }).catch(() => {});
      })
      .finally(() => {
        this.busy.delete(name);
        this.resume(slot);
      });
    this.busy.set(name, run);
    return run;
  }

  private resume(slot: Slot): void {
    if (this.stopping || this.busy.has(nameOf(slot))) return;
    try {
      this.client?.resume([{ topic: slot.topic, partitions: [slot.partition] }]);
    } catch {
      // The client does not run: it is being replaced, and the new one begins with nothing paused.
    }
  }

  private async deliver(
    slot: Slot,
    messages: readonly KafkaMessage[],
    signal: AbortSignal,
    resolve: (offset: string) => void,
  ): Promise<void> {
    const delivery = new Delivery(this.subscription, this.parts.lot, signal);
    const pageSize = delivery.pageOf(slot.topic);
    let committedAt = Date.now();
    for (let start = 0; start < messages.length && !signal.aborted; start += pageSize) {
      const page = messages.slice(start, start + pageSize);
      const records = page.map((message) => fromMessage(slot.topic, slot.partition, message));
      const done = await delivery.deliver(slot.topic, records, async (count) => {
        const message = page[count - 1];
        if (message === undefined) return;
        if (!this.hasLeft(signal)) resolve(message.offset);
        if (Date.now() - committedAt < COMMIT_EVERY_MS) return;
        committedAt = Date.now();
        await this.commit(slot, message, signal);
      });
      const last = page[done - 1];
      if (last !== undefined) await this.commit(slot, last, signal);
    }
  }

  /** After a rebalance the position of the group is no longer this member's to move. */
  private hasLeft(signal: AbortSignal): boolean {
    return signal.aborted && !this.stopping;
  }

  private async commit(slot: Slot, message: KafkaMessage, signal: AbortSignal): Promise<void> {
    if (this.hasLeft(signal)) return;
    const offset = String(BigInt(message.offset) + 1n);
    try {
      await this.client?.commitOffsets([{ ...slot, offset }]);
    } catch (error) {
      // The group moved on while the commit was under way: the records come again.
      if (!this.hasLeft(signal) && !isRebalance(error)) throw error;
    }
  }

  private async watchLot(): Promise<void> {
    const { group, topics } = this.subscription;
    while (!this.stopping) {
      try {
        for (const where of await this.parts.lot.releasedKeys(group, topics)) this.drain(where);
      } catch (error) {
        this.parts.onError(error);
      }
      await this.wakeUp.wait(POLL_MS);
    }
  }

  private drain(where: ParkedKey): void {
    const slot = {
      topic: where.topic,
      partition: partitionOf(where.key, this.parts.partitions.get(where.topic) ?? 1),
    };
    const ours = this.assigned[slot.topic]?.includes(slot.partition) === true;
    if (!ours || this.tenure.signal.aborted || this.busy.has(nameOf(slot))) return;
    void this.occupy(slot, (signal) => new Delivery(this.subscription, this.parts.lot, signal).drain(where));
  }
}

const nameOf = ({ topic, partition }: Slot) => `${topic}/${partition}`;

const REBALANCES = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']);

function isRebalance(error: unknown): boolean {
  const { type, cause } = error as { type?: string; cause?: unknown };
  return REBALANCES.has(type ?? '') || (cause !== undefined && isRebalance(cause));
}
