import { DomainError } from '@openledger/kernel';
import { type ContractTools, eventOf, eventsOf, Gate, Seen } from './harness.js';

export function groupContract(tools: ContractTools): void {
  describe('groups', () => {
    it('shows every record to every group', async () => {
      const topic = await tools.topic();
      const groups = [new Seen(), new Seen(), new Seen()];
      for (const [n, seen] of groups.entries()) {
        await tools.log().subscribe({ group: `${topic}-${n}`, topics: [topic], handle: seen.handle });
      }
      await tools.log().append(topic, eventsOf(topic, 50, 5));
      for (const seen of groups) await tools.until(() => expect(seen.ids.size).toBe(50));
    });

    it('starts a new group at the earliest record, or at the latest when asked', async () => {
      const topic = await tools.topic();
      await tools.log().append(topic, eventsOf(topic, 10, 5));
      const all = new Seen();
      const news = new Seen();
      await tools.log().subscribe({ group: `all-${topic}`, topics: [topic], handle: all.handle });
      const first = await tools.log().subscribe({
        group: `news-${topic}`,
        topics: [topic],
        from: 'latest',
        handle: news.handle,
      });
      // What arrives while the group is away is not lost, though it had committed nothing yet.
      await first.close();
      await tools.log().append(topic, [eventOf(topic, 'k', 'fresh')]);
      await tools
        .log()
        .subscribe({ group: `news-${topic}`, topics: [topic], from: 'latest', handle: news.handle });
      await tools.until(() => expect(all.ids.size).toBe(11));
      await tools.until(() => expect(news.texts()).toEqual(['fresh']));
    });

    it('goes on where the group stopped', async () => {
      const topic = await tools.topic();
      const seen = new Seen();
      const subscription = { group: topic, topics: [topic], handle: seen.handle };
      const consumer = await tools.log().subscribe(subscription);
      await tools.log().append(topic, eventsOf(topic, 40, 7));
      await tools.until(() => expect(seen.records).toHaveLength(40));
      await consumer.close();
      await tools.log().append(topic, eventsOf(topic, 30, 7));
      await tools.log().subscribe(subscription);
      await tools.until(() => expect(seen.ids.size).toBe(70));
      expect(seen.records).toHaveLength(70);
    });

    it('shares partitions between two members, and one takes over when the other closes', async () => {
      const topic = await tools.topic(4);
      const other = await tools.openAnother();
      const [left, right] = [new Seen(), new Seen()];
      await tools.log().subscribe({ group: topic, topics: [topic], handle: left.handle });
      const second = await other.subscribe({ group: topic, topics: [topic], handle: right.handle });
      let sent = 0;
      const send = async () => {
        await tools.log().append(topic, eventsOf(topic, 60, 30));
        sent += 60;
        await tools.until(() => expect(new Set([...left.ids, ...right.ids]).size).toBe(sent));
      };
      await tools.until(async () => {
        const had = right.records.length;
        await send();
        expect(right.records.length).toBeGreaterThan(had);
      });
      await second.close();
      const handedOver = right.records.length;
      const had = left.records.length;
      await send();
      expect(left.records.length).toBeGreaterThanOrEqual(had + 60);
      expect(right.records).toHaveLength(handedOver);
    });

    it('never gives one key to two members at once', async () => {
      const topic = await tools.topic(2);
      const inside = new Set<string>();
      let clashes = 0;
      const seen = new Seen();
      const subscription = {
        group: topic,
        topics: [topic],
        handle: async (record: Parameters<Seen['handle']>[0]) => {
          if (inside.has(record.key)) clashes++;
          inside.add(record.key);
          await new Promise((resolve) => setTimeout(resolve, 2));
          await seen.handle(record);
          inside.delete(record.key);
        },
      };
      await tools.log().subscribe(subscription);
      await tools.log().append(topic, eventsOf(topic, 300, 6));
      const other = await tools.openAnother();
      const second = await other.subscribe(subscription);
      await tools.until(() => expect(seen.ids.size).toBe(300));
      await second.close();
      expect(clashes).toBe(0);
    });

    it('lets a slow partition slow only itself', async () => {
      const topic = await tools.topic(8);
      const gate = new Gate();
      const seen = new Seen();
      await tools.log().subscribe({
        group: topic,
        topics: [topic],
        handle: async (record) => {
          if (record.key === 'key-0') await gate.pass();
          await seen.handle(record);
        },
      });
      await tools.log().append(topic, eventsOf(topic, 64, 32));
      await tools.until(() => expect(seen.records.length).toBeGreaterThanOrEqual(32));
      expect(seen.texts('key-0')).toEqual([]);
      gate.open();
      await tools.until(() => expect(seen.ids.size).toBe(64));
    });

    it('replays from the earliest record after a reset, which needs the members to be gone', async () => {
      const topic = await tools.topic();
      const first = new Seen();
      const subscription = { group: topic, topics: [topic], attemptsMax: 1, handle: first.handle };
      const consumer = await tools.log().subscribe({
        ...subscription,
        handle: async (record) => {
          await first.handle(record);
          if (record.key === 'key-0') throw new Error('parked');
        },
      });
      await tools.log().append(topic, eventsOf(topic, 20, 4));
      await tools.until(() => expect(first.ids.size).toBe(16));
      await tools.until(async () => expect(await tools.log().parked(topic)).toHaveLength(5));
      await expect(tools.log().reset(topic, topic)).rejects.toThrow(DomainError);
      await consumer.close();
      await tools.until(() => tools.log().reset(topic, topic));
      const again = new Seen();
      await tools.log().subscribe({ ...subscription, handle: again.handle });
      await tools.until(() => expect(again.ids.size).toBe(20));
      expect(again.texts('key-0')).toEqual(['0', '4', '8', '12', '16']);
      expect(await tools.log().parked(topic)).toEqual([]);
    });
  });
}
