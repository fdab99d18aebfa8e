import type pg from 'pg';
import type { EventRecord } from '../event-log.js';
import { BATCH_BYTES_MAX } from '../records.js';
import { type RecordRow, recordOf } from './rows.js';
import type { logStatements } from './statements.js';

export interface TopicRow {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
}

export interface ReadPosition {
  readonly group: string;
  readonly topic: TopicRow;
  readonly partition: number;
}

type FetchedRow = RecordRow & { readonly offset: string };

/** The statements with which groups read. */
export class PartitionReader {
  constructor(
    private readonly pool: pg.Pool,
    private readonly sql: ReturnType<typeof logStatements>,
  ) {}

  /** `topic/partition` of everything the group has yet to read. */
  async behind(group: string, topics: readonly TopicRow[]): Promise<Set<string>> {
    const { rows } = await this.pool.query<{ topic_id: number; partition: number }>({
      name: 'behind',
      text: this.sql.behind,
      values: [group, topics.map(({ id }) => id)],
    });
    const names = new Map(topics.map(({ id, name }) => [id, name]));
    return new Set(rows.map((row) => `${names.get(row.topic_id)}/${row.partition}`));
  }

  async position({ group, topic, partition }: ReadPosition): Promise<number> {
    const { rows } = await this.pool.query<{ next_offset: string }>({
      name: 'position',
      text: this.sql.position,
      values: [group, topic.id, partition],
    });
    return Number(rows[0]?.next_offset ?? 0);
  }

  async fetch({ topic, partition }: ReadPosition, from: number, limit: number): Promise<FetchedRow[]> {
    const { rows } = await this.pool.query<FetchedRow>({
      name: 'fetch',
      text: this.sql.fetch,
      values: [topic.id, partition, from, limit, BATCH_BYTES_MAX],
    });
    return rows;
  }

  async commit({ group, topic, partition }: ReadPosition, from: number, to: number): Promise<boolean> {
    const { rowCount } = await this.pool.query({
      name: 'commit',
      text: this.sql.commit,
      values: [group, topic.id, partition, from, to],
    });
    return rowCount === 1;
  }
}

/** Where one member stands in one partition that it owns. */
export class ReadCursor {
  private committed: number | undefined;
  private offsets: number[] = [];

  constructor(
    private readonly reader: PartitionReader,
    private readonly where: ReadPosition,
  ) {}

  async read(limit: number): Promise<EventRecord[]> {
    this.committed ??= await this.reader.position(this.where);
    const rows = await this.reader.fetch(this.where, this.committed, limit);
    this.offsets = rows.map((row) => Number(row.offset));
    return rows.map((row) => recordOf(this.where.topic.name, row));
  }

  /** Commits the first `count` records of what was read; false when another member moved the group. */
  async commit(count: number): Promise<boolean> {
    const last = this.offsets[count - 1];
    if (last === undefined || this.committed === undefined || last < this.committed) return true;
    if (!(await this.reader.commit(this.where, this.committed, last + 1))) return false;
    this.committed = last + 1;
    return true;
  }

  /** The position is read again next time: after an error it is not known whether a commit arrived. */
  forget(): void {
    this.committed = undefined;
  }
}
