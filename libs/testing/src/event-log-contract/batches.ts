import type { BatchFailure, EventRecord, Subscription } from '@openledger/event-log';
import { type ContractTools, eventOf, eventsOf, Gate, Seen, textOf } from './harness.js';

const RECORDS_MAX = 40;

export function batchContract(tools: ContractTools): void {
  /** Subscribes with batches of at most {@link RECORDS_MAX}; what comes alone is told apart. */
  async function inBatches(
    topic: string,
    handle: (records: readonly EventRecord[], signal: AbortSignal) => Promise<void>,
    options: Partial<Subscription> = {},
  ) {
    const alone = new Seen();
    const subscription: Subscription = {
      group: topic,
      topics: [topic],
      attemptsMax: 2,
      backoffMs: 5,
      handle: alone.handle,
      batches: new Map([[topic, { recordsMax: RECORDS_MAX, handle }]]),
      ...options,
    };
    return { alone, subscription, consumer: await tools.log().subscribe(subscription) };
  }

  describe('batches', () => {
    it('come in order, within their bound, and lose nothing', async () => {
      const topic = await tools.topic(3);
      await tools.log().append(topic, eventsOf(topic, 1_000, 17));
      const seen = new Seen();
      const sizes: number[] = [];
      const { alone } = await inBatches(topic, async (records) => {
        sizes.push(records.length);
        for (const record of records) await seen.handle(record);
      });
      await tools.until(() => expect(seen.records.length + alone.records.length).toBe(1_000));
      // One that is left over at the end of what was read is no batch.
      expect(seen.records.length).toBeGreaterThan(990);
      expect(Math.max(...sizes)).toBe(RECORDS_MAX);
      for (let key = 0; key < 17; key++) {
        const numbers = [...seen.texts(`key-${key}`), ...alone.texts(`key-${key}`)].map(Number);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    });

    it('do not wait to be full', async () => {
      const topic = await tools.topic(1);
      const seen = new Seen();
      const { alone } = await inBatches(topic, async (records) => {
        for (const record of records) await seen.handle(record);
      });
      await tools.log().append(topic, [eventOf(topic, 'k', 'single')]);
      await tools.until(() => expect(alone.texts()).toEqual(['single']));
      await tools.log().append(topic, [eventOf(topic, 'k', 'a'), eventOf(topic, 'k', 'b')]);
      await tools.until(() =>
        expect([...alone.texts(), ...seen.texts()].toSorted()).toEqual(['a', 'b', 'single']),
      );
    });

    it('that fail are delivered one by one, and only what is poisonous is parked', async () => {
      const topic = await tools.topic(1);
      const failures: BatchFailure[] = [];
      const seen = new Seen();
      let cured = false;
      const refuseBad = (record: EventRecord) => {
        if (!cured && textOf(record).startsWith('bad')) throw new Error(`cannot stand ${textOf(record)}`);
      };
      const { alone } = await inBatches(
        topic,
        async (records) => {
          records.forEach(refuseBad);
          for (const record of records) await seen.handle(record);
        },
        {
          onBatchFailure: (failure) => failures.push(failure),
          handle: async (record) => {
            refuseBad(record);
            await alone.handle(record);
          },
        },
      );
      await tools
        .log()
        .append(topic, [
          eventOf(topic, 'a', 'a1'),
          eventOf(topic, 'b', 'bad'),
          eventOf(topic, 'c', 'c1'),
          eventOf(topic, 'b', 'b2'),
          eventOf(topic, 'a', 'a2'),
        ]);
      const texts = () => [...seen.texts(), ...alone.texts()].toSorted();
      await tools.until(() => expect(texts()).toEqual(['a1', 'a2', 'c1']));
      const parked = await tools.until(async () => {
        const found = await tools.log().parked(topic);
        expect(found).toHaveLength(2);
        return found;
      });
      expect(parked.map(({ record }) => textOf(record))).toEqual(['bad', 'b2']);
      expect(failures.length).toBeGreaterThan(0);
      for (const failure of failures) expect(failure).toMatchObject({ topic, error: expect.any(Error) });

      // Others go on together; what is of a parked key goes behind it.
      await tools
        .log()
        .append(topic, [
          eventOf(topic, 'a', 'a3'),
          eventOf(topic, 'c', 'c2'),
          eventOf(topic, 'b', 'b3'),
          eventOf(topic, 'a', 'a4'),
        ]);
      await tools.until(() => expect(texts()).toEqual(['a1', 'a2', 'a3', 'a4', 'c1', 'c2']));
      cured = true;
      await tools.log().releaseParked(topic, topic, 'b');
      await tools.until(() => expect(alone.texts('b')).toEqual(['bad', 'b2', 'b3']));
    });

    it('that fail for one record of many are soon as large again', async () => {
      const topic = await tools.topic(1);
      const events = Array.from({ length: 200 }, (_, n) =>
        eventOf(topic, `key-${n}`, n === 77 ? 'bad' : `${n}`),
      );
      await tools.log().append(topic, events);
      const seen = new Seen();
      const sizes: number[] = [];
      const refuseBad = (record: EventRecord) => {
        if (textOf(record) === 'bad') throw new Error('cannot stand it');
      };
      const { alone } = await inBatches(
        topic,
        async (records) => {
          records.forEach(refuseBad);
          sizes.push(records.length);
          for (const record of records) await seen.handle(record);
        },
        {
          handle: async (record) => {
            refuseBad(record);
            await alone.handle(record);
          },
        },
      );
      await tools.until(() => expect(seen.records.length + alone.records.length).toBe(199));
      await tools.until(async () => expect(await tools.log().parked(topic)).toHaveLength(1));
      expect(alone.records.length).toBeLessThan(20);
      expect(sizes.at(-1)).toBeGreaterThan(10);
    });

    it('are given back whole when the member closes, and committed whole when they ended', async () => {
      const topic = await tools.topic(1);
      const gate = new Gate();
      let begun: readonly EventRecord[] = [];
      const { consumer, subscription } = await inBatches(topic, async (records) => {
        begun = records;
        await gate.pass();
      });
      await tools.log().append(topic, eventsOf(topic, RECORDS_MAX, 5));
      await tools.until(() => expect(begun.length).toBeGreaterThan(1));
      const ended = begun.length;
      const closing = consumer.close();
      gate.open();
      await closing;
      const rest = new Seen();
      const letGo = await tools.log().subscribe({
        ...subscription,
        handle: rest.handle,
        batches: new Map([
          [
            topic,
            {
              recordsMax: RECORDS_MAX,
              handle: (_, signal) =>
                new Promise((_resolve, reject) => {
                  signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
                }),
            },
          ],
        ]),
      });
      await tools.log().append(topic, eventsOf(topic, 10, 5));
      await letGo.close();
      expect(await tools.log().parked(topic)).toEqual([]);
      await tools.log().subscribe({ group: topic, topics: [topic], handle: rest.handle });
      await tools.until(() => expect(rest.records).toHaveLength(RECORDS_MAX - ended + 10));
    });
  });
}
