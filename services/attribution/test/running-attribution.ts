import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '@openledger/auth';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  type AttributionScored,
  decodeEvent,
  InferenceServed,
  type ModelDeployed,
  type Topic,
  topics,
} from '@openledger/contracts';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { canonicalJson, newId } from '@openledger/kernel';
import { type RunningService, startService } from '@openledger/service-host';
import { eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { attribution } from '../src/index.js';

export const PAYER = 'payer-organisation';

/** Credentials are `token-of-<person>`; `token-of-payer` acts for {@link PAYER}. */
const personOf = (credential: string): Partial<Principal> | undefined => {
  const [, personId] = /^token-of-(.+)$/.exec(credential) ?? [];
  if (personId === undefined) return undefined;
  return { personId, ...(personId === 'payer' && { organisationId: PAYER }) };
};

export interface AskedTokens {
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
}

/** The service on a database of its own, with the event log in memory and what came out of it. */
export class RunningAttribution {
  readonly scored: AttributionScored[] = [];
  private service: RunningService | undefined;

  private constructor(
    readonly blobs: FolderBlobStore,
    private readonly eventLog: MemoryEventLog,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async prepare(modelDir: string): Promise<RunningAttribution> {
    const folder = await mkdtemp(join(tmpdir(), 'attribution-'));
    const env = {
      DATABASE_URL: await testDatabase(),
      SERVICE_TOKEN: 'x'.repeat(32),
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      LOG_LEVEL: 'fatal',
      BLOB_DIR: folder,
      MODEL_DIR: modelDir,
      ATTRIBUTION_POLL_MS: '20',
      ATTRIBUTION_RETRY_MS: '1',
    };
    const eventLog = new MemoryEventLog();
    const running = new RunningAttribution(await FolderBlobStore.open(folder), eventLog, env);
    const names = Object.values(topics).map(({ name, partitions }) => ({ name, partitions }));
    await eventLog.createTopics(names);
    await eventLog.subscribe({
      group: 'observer',
      topics: [topics.attributionScored.name],
      handle: async (record) => {
        running.scored.push(decodeEvent(topics.attributionScored, record.body));
      },
    });
    return running;
  }

  async start(): Promise<void> {
    const { env, eventLog } = this;
    this.service = await startService(attribution, {
      env,
      eventLog,
      authenticator: new KnownCallers(personOf),
    });
  }

  async stop(): Promise<void> {
    await this.service?.stop();
    this.service = undefined;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.eventLog.close();
    await rm(this.env.BLOB_DIR ?? '', { recursive: true, force: true });
  }

  append<T>(topic: Topic<T>, eventId: string, event: T): Promise<void> {
    return publish(this.eventLog, topic, event, eventId);
  }

  async serve({ modelId, adapterDigest }: ModelDeployed, answer: AskedTokens) {
    const tokensBlob = await this.blobs.put(Buffer.from(canonicalJson({ ...answer })));
    return this.serveBlob({ modelId, adapterDigest }, tokensBlob);
  }

  async serveBlob(model: Pick<ModelDeployed, 'modelId' | 'adapterDigest'>, tokensBlob: string) {
    const event = InferenceServed.create({
      requestId: newId(),
      ...model,
      payerOrganisationId: PAYER,
      tokensBlob,
      servedAt: new Date(),
    });
    const eventId = newId();
    await this.append(topics.inferenceServed, eventId, event);
    return { requestId: event.requestId, eventId, event };
  }

  scoreOf(requestId: string): Promise<AttributionScored> {
    return eventually(() => {
      const found = this.scored.find((event) => event.requestId === requestId);
      if (!found) throw new Error(`${requestId} is not scored yet`);
      return found;
    }, 60_000);
  }

  async get(path: string, person?: string): Promise<{ status: number; body: unknown }> {
    const headers: Record<string, string> = person ? { authorization: `Bearer token-of-${person}` } : {};
    const response = await fetch(`http://127.0.0.1:${this.service?.httpPort}${path}`, { headers });
    return { status: response.status, body: await response.json() };
  }
}
