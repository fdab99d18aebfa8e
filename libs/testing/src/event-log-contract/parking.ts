import type { EventRecord } from '@openledger/event-log';
import { type ContractTools, eventOf, Seen, textOf } from './harness.js';

export function parkingContract(tools: ContractTools): void {
  /** A group that cannot stand `bad` records until it is cured. */
  async function poisoned(topic: string) {
    const state = { cured: false, seen: new Seen() };
    const subscription = {
      group: topic,
      topics: [topic],
      attemptsMax: 2,
      backoffMs: 5,
      handle: async (record: EventRecord) => {
        if (!state.cured && textOf(record).startsWith('bad'))
          throw new Error(`cannot stand ${textOf(record)}`);
        await state.seen.handle(record);
      },
    };
    return { state, subscription, consumer: await tools.log().subscribe(subscription) };
  }

  const append = (topic: string, ...events: [key: string, text: string][]) =>
    tools.log().append(
      topic,
      events.map(([key, text]) => eventOf(topic, key, text)),
    );

  describe('parking', () => {
    it('parks a poison record and what follows of its key, while other keys go on', async () => {
      const topic = await tools.topic(1);
      const { state } = await poisoned(topic);
      await append(topic, ['a', 'a1'], ['a', 'bad'], ['b', 'b1'], ['a', 'a2'], ['b', 'b2']);
      await tools.until(() => expect(state.seen.texts()).toEqual(['a1', 'b1', 'b2']));
      await append(topic, ['a', 'a3'], ['b', 'b3']);
      await tools.until(() => expect(state.seen.texts('b')).toEqual(['b1', 'b2', 'b3']));
      const parked = await tools.until(async () => {
        const found = await tools.log().parked(topic);
        expect(found).toHaveLength(3);
        return found;
      });
      expect(parked.map(({ record }) => textOf(record))).toEqual(['bad', 'a2', 'a3']);
      expect(parked.map((one) => one.topic)).toEqual([topic, topic, topic]);
      expect(parked[0]?.reason).toContain('cannot stand bad');
      expect(await tools.log().parked(topic, 1)).toHaveLength(1);
      expect(state.seen.texts('a')).toEqual(['a1']);
      await tools.log().releaseParked(topic, topic, 'a');
      await tools.until(async () => expect((await tools.log().parked(topic))[0]?.reason).toContain('bad'));
    });

    it('delivers released records in order, before newer ones of their key', async () => {
      const topic = await tools.topic(2);
      const { state } = await poisoned(topic);
      await append(topic, ['a', 'bad1'], ['a', 'a2'], ['a', 'a3']);
      await tools.until(async () => expect(await tools.log().parked(topic)).toHaveLength(3));
      state.cured = true;
      await tools.log().releaseParked(topic, topic, 'a');
      await append(topic, ['a', 'a4'], ['a', 'a5']);
      await tools.until(() => expect(state.seen.texts('a')).toEqual(['bad1', 'a2', 'a3', 'a4', 'a5']));
      await tools.until(async () => expect(await tools.log().parked(topic)).toEqual([]));
      await append(topic, ['a', 'a6']);
      await tools.until(() => expect(state.seen.texts('a').at(-1)).toBe('a6'));
    });

    it('parks a released record again when it still fails', async () => {
      const topic = await tools.topic(1);
      const { state } = await poisoned(topic);
      await append(topic, ['a', 'bad1'], ['a', 'good'], ['a', 'bad2'], ['a', 'last']);
      await tools.until(async () => expect(await tools.log().parked(topic)).toHaveLength(4));
      await tools.log().releaseParked(topic, topic, 'a');
      await append(topic, ['b', 'b1']);
      await tools.until(() => expect(state.seen.texts()).toEqual(['b1']));
      expect((await tools.log().parked(topic)).map(({ record }) => textOf(record))).toEqual([
        'bad1',
        'good',
        'bad2',
        'last',
      ]);
      state.cured = true;
      await tools.until(async () => {
        await tools.log().releaseParked(topic, topic, 'a');
        expect(state.seen.texts('a')).toEqual(['bad1', 'good', 'bad2', 'last']);
      });
    });

    it('keeps parked records when the members are replaced, for their own group only', async () => {
      const topic = await tools.topic(2);
      const { state, subscription, consumer } = await poisoned(topic);
      const healthy = new Seen();
      await tools.log().subscribe({ group: `healthy-${topic}`, topics: [topic], handle: healthy.handle });
      await append(topic, ['a', 'bad'], ['a', 'a2']);
      await tools.until(async () => expect(await tools.log().parked(topic)).toHaveLength(2));
      await tools.until(() => expect(healthy.texts()).toEqual(['bad', 'a2']));
      expect(await tools.log().parked(`healthy-${topic}`)).toEqual([]);
      await consumer.close();
      state.cured = true;
      await tools.log().releaseParked(topic, topic, 'a');
      await append(topic, ['a', 'a3']);
      await tools.log().subscribe(subscription);
      await tools.until(() => expect(state.seen.texts()).toEqual(['bad', 'a2', 'a3']));
    });
  });
}
