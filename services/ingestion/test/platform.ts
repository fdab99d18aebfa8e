import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Principal, SCOPES } from '@openledger/auth';
import { FolderBlobStore } from '@openledger/blob-store';
import type { EventLog, EventRecord } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { type RunningService, startService } from '@openledger/service-host';
import { KnownCallers, testDatabase } from '@openledger/testing';
import { type HDNodeWallet, Wallet } from 'ethers';
import { ingestion } from '../src/index.js';

export interface Person {
  readonly name: string;
  readonly personId: string;
  readonly wallet: HDNodeWallet;
}

interface Parts {
  readonly service: RunningService;
  readonly eventLog: EventLog;
  readonly database: Database;
  readonly blobs: FolderBlobStore;
  /** By name, which is the credential too. */
  readonly people: Map<string, Principal>;
  readonly dir: string;
}

/** The service on real Postgres and a real blob store, with everything that it leaves behind in sight. */
export class Platform {
  readonly events: EventRecord[] = [];
  private constructor(private readonly parts: Parts) {}

  static async start(limits: Record<string, string> = {}): Promise<Platform> {
    const dir = await mkdtemp(join(tmpdir(), 'ingestion-'));
    const url = await testDatabase();
    const eventLog = new MemoryEventLog();
    const people = new Map<string, Principal>();
    const env = {
      DATABASE_URL: url,
      SERVICE_TOKEN: 's'.repeat(32),
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      LOG_LEVEL: 'silent',
      BLOB_DIR: join(dir, 'blobs'),
      UPLOAD_DIR: join(dir, 'uploads'),
      ...limits,
    };
    const service = await startService(ingestion, {
      env,
      eventLog,
      authenticator: new KnownCallers((name) => people.get(name)),
    });
    const database = await Database.open({ url, schema: 'ingestion', migrations: ingestion.migrations });
    const blobs = await FolderBlobStore.open(env.BLOB_DIR);
    const platform = new Platform({ service, eventLog, database, blobs, people, dir });
    const handle = async (record: EventRecord) => void platform.events.push(record);
    await eventLog.subscribe({
      group: 'test',
      topics: ['datanet.created.v1', 'contribution.received.v1', 'contribution.withdrawn.v1'],
      handle,
    });
    return platform;
  }

  person(name: string, scopes: readonly string[] = SCOPES): Person {
    const wallet = Wallet.createRandom();
    const personId = newId();
    const principal = {
      personId,
      organisationId: newId(),
      walletAddress: wallet.address,
      credentialId: name,
    };
    this.parts.people.set(name, { ...principal, scopes: new Set(scopes) });
    return { name, personId, wallet };
  }

  get eventLog(): EventLog {
    return this.parts.eventLog;
  }

  get database(): Database {
    return this.parts.database;
  }

  get blobs(): FolderBlobStore {
    return this.parts.blobs;
  }

  get url(): string {
    return `http://127.0.0.1:${this.parts.service.httpPort}`;
  }

  /** What uploads have left: files in the scratch folder, blobs, half-written blobs, rows. */
  async traces() {
    const list = (path: string) => readdir(join(this.parts.dir, path), { recursive: true });
    const [uploads, blobs] = [await list('uploads'), await list('blobs')];
    const [row] = await this.parts.database.query<{ count: number }>(
      'SELECT (SELECT count(*) FROM contribution)::int + (SELECT count(*) FROM outbox)::int AS count',
    );
    return { uploads, blobs: blobs.sort(), rows: row?.count };
  }

  async stop(): Promise<void> {
    await this.parts.service.stop();
    await this.parts.database.close();
  }
}
