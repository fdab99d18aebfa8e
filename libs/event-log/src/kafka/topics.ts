import type { Admin } from 'kafkajs';
import type { TopicSpec } from '../event-log.js';
import { partitionsDiffer, unknownTopic } from '../records.js';

const DAY_MS = 86_400_000;

/** Which topics there are and how many partitions they have; what was once seen is remembered. */
export class KafkaTopics {
  private readonly partitions = new Map<string, number>();

  constructor(
    private readonly admin: Admin,
    private readonly replicationFactor: number,
  ) {}

  async create(topics: readonly TopicSpec[]): Promise<void> {
    const existing = new Set(await this.admin.listTopics());
    const missing = topics.filter(({ name }) => !existing.has(name));
    if (missing.length > 0) {
      await this.admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions, retentionDays }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: this.replicationFactor,
          configEntries: [
            {
              name: 'retention.ms',
              value: String(retentionDays === undefined ? -1 : retentionDays * DAY_MS),
            },
          ],
        })),
      });
    }
    for (const { name, partitions } of topics) {
      const has = await this.partitionsOf(name);
      if (has !== partitions) throw partitionsDiffer(name, has, partitions);
    }
  }

  async partitionsOf(topic: string): Promise<number> {
    const known = this.partitions.get(topic);
    if (known !== undefined) return known;
    if (!(await this.admin.listTopics()).includes(topic)) throw unknownTopic(topic);
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] });
    const count = topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
    if (count === 0) throw unknownTopic(topic);
    this.partitions.set(topic, count);
    return count;
  }
}
