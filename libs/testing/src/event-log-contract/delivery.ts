import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RECORD_BYTES_MAX } from '@openledger/event-log';
import { DomainError } from '@openledger/kernel';
import { type ContractTools, eventOf, eventsOf, Gate, Seen } from './harness.js';

export function deliveryContract(tools: ContractTools): void {
  describe('delivery', () => {
    it('gives a record back as it was appended', async () => {
      const topic = await tools.topic();
      const sent = {
        ...eventOf(topic, 'Zoë/42', 'naïve ☃'),
        occurredAt: new Date('2026-02-03T04:05:06.789Z'),
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      };
      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      await tools.log().append(topic, [sent]);
      const got = await tools.until(() => {
        expect(seen.records).toHaveLength(1);
        return seen.records[0];
      });
      expect({ ...got, body: Buffer.from(got?.body ?? []) }).toEqual(sent);
    });

    it('keeps the order of each key and loses nothing', async () => {
      const topic = await tools.topic();
      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      const events = eventsOf(topic, 2_000, 17);
      for (let at = 0; at < events.length; at += 130) {
        await tools.log().append(topic, events.slice(at, at + 130));
      }
      await tools.until(() => expect(seen.ids.size).toBe(2_000));
      for (let key = 0; key < 17; key++) {
        const numbers = seen.texts(`key-${key}`).map(Number);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    });

    it('keeps every record of producers that append at once', async () => {
      const topic = await tools.topic(3);
      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      const other = await tools.openAnother();
      const producers = Array.from({ length: 8 }, async (_, producer) => {
        const log = producer % 2 === 0 ? tools.log() : other;
        for (let n = 0; n < 20; n++) {
          await log.append(topic, [
            eventOf(topic, `a-${producer}`, `${n}`),
            eventOf(topic, `b-${producer}`, `${n}`),
          ]);
        }
      });
      await Promise.all(producers);
      await tools.until(() => expect(seen.ids.size).toBe(320));
      const inOrder = Array.from({ length: 20 }, (_, n) => `${n}`);
      for (let producer = 0; producer < 8; producer++) {
        expect(seen.texts(`a-${producer}`)).toEqual(inOrder);
        expect(seen.texts(`b-${producer}`)).toEqual(inOrder);
      }
    });

    it('delivers a failed record again, skipping and reordering nothing of its key', async () => {
      const topic = await tools.topic();
      const seen = new Seen();
      let failures = 0;
      await tools.log().subscribe({
        group: topic,
        topics: [topic],
        backoffMs: 5,
        handle: async (record) => {
          if (seen.records.length === 3 && failures < 3) {
            failures++;
            throw new Error('not yet');
          }
          await seen.handle(record);
        },
      });
      const events = Array.from({ length: 8 }, (_, n) => eventOf(topic, 'one', `${n}`));
      await tools.log().append(topic, events);
      await tools.until(() => expect(seen.records).toHaveLength(8));
      expect(failures).toBe(3);
      expect(seen.texts()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    });

    it('reports each failure with its attempt', async () => {
      const topic = await tools.topic();
      const failures: [number, boolean, string][] = [];
      await tools.log().subscribe({
        group: topic,
        topics: [topic],
        backoffMs: 5,
        attemptsMax: 3,
        handle: () => Promise.reject(new Error('broken')),
        onFailure: ({ attempt, parked, error }) => failures.push([attempt, parked, String(error)]),
      });
      await tools.log().append(topic, [eventOf(topic, 'k', 'x')]);
      await tools.until(() => expect(failures).toHaveLength(3));
      expect(failures).toEqual([
        [1, false, 'Error: broken'],
        [2, false, 'Error: broken'],
        [3, true, 'Error: broken'],
      ]);
    });

    it('keeps the id of a record that is appended twice, so that it can be recognised', async () => {
      const topic = await tools.topic();
      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      const event = eventOf(topic, 'k', 'same');
      await tools.log().append(topic, [event]);
      await tools.log().append(topic, [event]);
      await tools.until(() => expect(seen.records.length).toBeGreaterThanOrEqual(2));
      expect(seen.ids).toEqual(new Set([event.id]));
    });

    it('refuses what it could not keep its promises for, and writes none of it', async () => {
      const topic = await tools.topic();
      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      const small = eventOf(topic, 'k', 'small');
      const large = { ...small, body: new Uint8Array(RECORD_BYTES_MAX + 1) };
      await expectCode(tools.log().append(topic, [small, large]), 'EVENT_TOO_LARGE');
      await expectCode(tools.log().append(topic, [{ ...small, id: 'no-uuid' }]), 'EVENT_ID_INVALID');
      await expectCode(tools.log().append(topic, [{ ...small, key: '' }]), 'EVENT_KEY_INVALID');
      const unknown = `${topic}.nobody.made`;
      await expectCode(tools.log().append(unknown, [eventOf(unknown, 'k', 'x')]), 'EVENT_TOPIC_UNKNOWN');
      const subscription = { group: topic, topics: [unknown], handle: seen.handle };
      await expectCode(tools.log().subscribe(subscription), 'EVENT_TOPIC_UNKNOWN');

      const largest = { ...eventOf(topic, 'k', 'x'), body: new Uint8Array(RECORD_BYTES_MAX) };
      await tools.log().append(topic, [largest]);
      await tools.until(() => expect(seen.records).toHaveLength(1));
      expect(seen.records[0]?.body.byteLength).toBe(RECORD_BYTES_MAX);
    });

    it('makes a topic once and does not change its partitions', async () => {
      const topic = await tools.topic(4);
      await tools.log().createTopics([{ name: topic, partitions: 4 }]);
      await expectCode(
        tools.log().createTopics([{ name: topic, partitions: 5 }]),
        'EVENT_TOPIC_PARTITIONS_FIXED',
      );
    });

    it('does not load a backlog into memory while a handler is slow', async () => {
      const topic = await tools.topic();
      const size = 3_000;
      for (let at = 0; at < 20_000; at += 1_000) {
        const events = eventsOf(topic, 1_000, 97).map((event) => ({
          ...event,
          body: Buffer.alloc(size, 120),
        }));
        await tools.log().append(topic, events);
      }
      const gate = new Gate();
      const seen = new Seen();
      const before = usedBytes();
      await tools.log().subscribe({
        group: topic,
        topics: [topic],
        handle: async (record) => {
          await seen.handle(record);
          await gate.pass();
        },
      });
      // All four partitions stand still in their first record.
      await tools.until(() => expect(seen.records).toHaveLength(4));
      const grown = usedBytes() - before;
      gate.open();
      // One batch for each partition, at most 500 records or 1 MB, as received and as decoded: far
      // from the 60 MB that wait.
      expect(grown).toBeLessThan(20 * 1024 * 1024);
      await tools.until(() => expect(seen.ids.size).toBe(20_000));
    }, 60_000);

    it('waits for the handler in flight when it closes, and commits what it did', async () => {
      const topic = await tools.topic(1);
      const gate = new Gate();
      const started: string[] = [];
      let ended = 0;
      const consumer = await tools.log().subscribe({
        group: topic,
        topics: [topic],
        handle: async (record) => {
          started.push(record.id);
          await gate.pass();
          ended++;
        },
      });
      const events = eventsOf(topic, 3, 1);
      await tools.log().append(topic, events);
      await tools.until(() => expect(started).toHaveLength(1));
      let closed = false;
      const closing = consumer.close().then(() => {
        closed = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(closed).toBe(false);
      gate.open();
      await closing;
      expect([started.length, ended]).toEqual([1, 1]);

      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      await tools.until(() => expect(seen.texts()).toEqual(['1', '2']));
    });

    it('tells a long handler to let go when it closes, and delivers the record again', async () => {
      const topic = await tools.topic(1);
      let started = 0;
      const consumer = await tools.log().subscribe({
        group: topic,
        topics: [topic],
        attemptsMax: 1,
        handle: (_, signal) => {
          started++;
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('aborted', { cause: signal.reason })), {
              once: true,
            });
          });
        },
      });
      await tools.log().append(topic, [eventOf(topic, 'k', 'long')]);
      await tools.until(() => expect(started).toBe(1));
      await consumer.close();
      expect(await tools.log().parked(topic)).toEqual([]);
      const seen = new Seen();
      await tools.log().subscribe({ group: topic, topics: [topic], handle: seen.handle });
      await tools.until(() => expect(seen.texts()).toEqual(['long']));
    });
  });
}

async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DomainError);
  expect((error as DomainError).code).toBe(code);
}

function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
