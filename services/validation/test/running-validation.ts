import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '@openledger/auth';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  type ContributionAssessed,
  ContributionReceived,
  DatanetCreated,
  decodeEvent,
  type PartyChanged,
  RecordKind,
  type Topic,
  topics,
} from '@openledger/contracts';
import type { EventLog } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { canonicalJson, derivedId, fromJsonLines, type Json, newId, sha256 } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { type RunningService, startService } from '@openledger/service-host';
import { eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { validation } from '../src/index.js';

/** Credentials are `token-of-<person>`; they hold no scope. */
function personOf(credential: string): Partial<Principal> | undefined {
  const [, personId] = /^token-of-(.+)$/.exec(credential) ?? [];
  return personId === undefined ? undefined : { personId, scopes: new Set() };
}

export interface Sent {
  readonly contributionId: string;
  readonly eventId: string;
  readonly event: ContributionReceived;
}

export interface VerdictLine {
  readonly index: number;
  readonly id: string;
  readonly verdict: string;
  readonly reasons: readonly {
    code: string;
    message: string;
    matches?: { contributorId: string; recordId: string }[];
  }[];
}

/** The service on a database of its own, with the event log in memory and what came out of it. */
export class RunningValidation {
  readonly assessed: ContributionAssessed[] = [];
  readonly parties: PartyChanged[] = [];

  private constructor(
    readonly eventLog: EventLog,
    readonly blobs: FolderBlobStore,
    private readonly parts: { service: RunningService; folder: string; databaseUrl: string },
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<RunningValidation> {
    const folder = await mkdtemp(join(tmpdir(), 'validation-'));
    const eventLog = new MemoryEventLog();
    const databaseUrl = await testDatabase();
    const service = await startService(validation, {
      env: {
        DATABASE_URL: databaseUrl,
        SERVICE_TOKEN: 'x'.repeat(32),
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'error',
        BLOB_DIR: folder,
        ...env,
      },
      eventLog,
      authenticator: new KnownCallers(personOf),
    });
    const running = new RunningValidation(eventLog, await FolderBlobStore.open(folder), {
      service,
      folder,
      databaseUrl,
    });
    await running.observe(topics.contributionAssessed, running.assessed);
    await running.observe(topics.partyChanged, running.parties);
    return running;
  }

  private async observe<T>(topic: Topic<T>, into: T[]): Promise<void> {
    await this.eventLog.subscribe({
      group: 'observer',
      topics: [topic.name],
      handle: async (record) => void into.push(decodeEvent(topic, record.body)),
    });
  }

  async createDatanet(kind = RecordKind.RECORD_KIND_INSTRUCTION): Promise<string> {
    const datanetId = newId();
    const event = DatanetCreated.create({
      datanetId,
      name: 'Medicine',
      licence: 'CC-BY-4.0',
      schema: { kind, minCharacters: 1, maxCharacters: 100_000 },
    });
    await this.append(topics.datanetCreated, newId(), event);
    return datanetId;
  }

  async send(datanetId: string, contributorId: string, records: readonly (Json | string)[]): Promise<Sent> {
    const lines = records.map((record) => (typeof record === 'string' ? record : canonicalJson(record)));
    const contributionId = newId();
    const event = ContributionReceived.create({
      contributionId,
      datanetId,
      contributorId,
      recordsBlob: await this.blobs.put(Buffer.from(`${lines.join('\n')}\n`)),
      recordCount: lines.length,
      merkleRoot: sha256(lines.join()),
      receivedAt: new Date(),
    });
    const eventId = newId();
    await this.append(topics.contributionReceived, eventId, event);
    return { contributionId, eventId, event };
  }

  append<T>(topic: Topic<T>, eventId: string, event: T): Promise<void> {
    return publish(this.eventLog, topic, event, eventId);
  }

  verdictOn({ contributionId }: Sent, withinMs = 20_000): Promise<ContributionAssessed> {
    return eventually(() => {
      const found = this.assessed.find((event) => event.contributionId === contributionId);
      if (found === undefined) throw new Error(`${contributionId} is not assessed yet`);
      return found;
    }, withinMs);
  }

  /** Sends and waits. */
  async assess(datanetId: string, contributorId: string, records: readonly (Json | string)[]) {
    const sent = await this.send(datanetId, contributorId, records);
    const assessed = await this.verdictOn(sent, 60_000);
    return { sent, assessed, lines: await this.lines<VerdictLine>(assessed.verdictsBlob) };
  }

  async lines<T>(digest: string): Promise<T[]> {
    if (digest === '') return [];
    return fromJsonLines(await this.blobs.get(digest)) as T[];
  }

  async get(path: string, personId?: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers: Record<string, string> = personId ? { authorization: `Bearer token-of-${personId}` } : {};
    const response = await fetch(`http://127.0.0.1:${this.parts.service.httpPort}${path}`, { headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Bytes on disk of the tables that grow with every record, indexes included. */
  async indexBytes(): Promise<number> {
    const { name: schema, migrations } = validation;
    const database = await Database.open({ url: this.parts.databaseUrl, schema, migrations, poolSize: 2 });
    try {
      const [row] = await database.query<{ bytes: string }>(
        "SELECT pg_total_relation_size('record') + pg_total_relation_size('posting') AS bytes",
      );
      return Number(row?.bytes);
    } finally {
      await database.close();
    }
  }

  async stop(): Promise<void> {
    await this.parts.service.stop();
    await this.eventLog.close();
    await rm(this.parts.folder, { recursive: true, force: true });
  }
}

export const partyIdOf = (...contributorIds: string[]): string =>
  derivedId([...contributorIds].sort()[0] ?? '', 'party');
