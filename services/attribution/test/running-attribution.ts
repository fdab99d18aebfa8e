import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '@openledger/auth';
import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import {
  type AttributionAudited,
  type AttributionChallenged,
  type AttributionScored,
  decodeEvent,
  InferenceServed,
  type ModelDeployed,
  type Topic,
  topics,
} from '@openledger/contracts';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { canonicalJson, newId } from '@openledger/kernel';
import { type Host, type RunningService, startService } from '@openledger/service-host';
import { eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { type Closable, composeOn } from '../src/compose.js';
import { AttributionConfig } from '../src/config.js';
import { attribution } from '../src/index.js';

export const PAYER = 'payer-organisation';

/** Credentials are `token-of-<person>`; `token-of-payer` acts for {@link PAYER}. */
const personOf = (credential: string): Partial<Principal> | undefined => {
  const [, personId] = /^token-of-(.+)$/.exec(credential) ?? [];
  if (personId === undefined) return undefined;
  return { personId, ...(personId === 'payer' && { organisationId: PAYER }) };
};

const headersOf = (person: string | undefined): Record<string, string> =>
  person ? { authorization: `Bearer token-of-${person}` } : {};

export interface AskedTokens {
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
}

/** The service on a database of its own, with the event log in memory and what came out of it. */
export class RunningAttribution {
  readonly scored: AttributionScored[] = [];
  readonly audited: AttributionAudited[] = [];
  readonly challenged: AttributionChallenged[] = [];
  private service: RunningService | undefined;

  private constructor(
    readonly blobs: FolderBlobStore,
    private readonly eventLog: MemoryEventLog,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** `settings` win over those of tests. */
  static async prepare(
    modelDir: string,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<RunningAttribution> {
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
      ...settings,
    };
    const eventLog = new MemoryEventLog();
    const running = new RunningAttribution(await FolderBlobStore.open(folder), eventLog, env);
    const names = Object.values(topics).map(({ name, partitions }) => ({ name, partitions }));
    await eventLog.createTopics(names);
    await running.observe(topics.attributionScored, running.scored);
    await running.observe(topics.attributionAudited, running.audited);
    await running.observe(topics.attributionChallenged, running.challenged);
    return running;
  }

  /** On the engine of the service, or on another one. */
  async start(engine?: Closable): Promise<void> {
    const { env, eventLog } = this;
    const service = engine
      ? {
          ...attribution,
          compose: (host: Host) =>
            composeOn(host, loadConfig(AttributionConfig, env), { queue: engine, audits: engine }),
        }
      : attribution;
    const authenticator = new KnownCallers(personOf);
    this.service = await startService(service, { env, eventLog, authenticator });
  }

  get grpcAddress(): string {
    return `127.0.0.1:${this.service?.grpcPort}`;
  }

  get databaseUrl(): string {
    return this.env.DATABASE_URL ?? '';
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

  /** Takes a blob away, as a disk does. */
  async lose(blob: string): Promise<void> {
    const folder = this.env.BLOB_DIR ?? '';
    const names = await readdir(folder, { recursive: true });
    for (const name of names) if (name.endsWith(blob.slice(4))) await rm(join(folder, name));
  }

  /** An answer that was served, before the log knows of it. */
  async served(model: Pick<ModelDeployed, 'modelId' | 'adapterDigest'>, answer: AskedTokens) {
    return servedBy(model, await this.blobs.put(Buffer.from(canonicalJson({ ...answer }))));
  }

  announce({ eventId, event }: ReturnType<typeof servedBy>): Promise<void> {
    return this.append(topics.inferenceServed, eventId, event);
  }

  async serve(model: Pick<ModelDeployed, 'modelId' | 'adapterDigest'>, answer: AskedTokens) {
    const served = await this.served(model, answer);
    await this.announce(served);
    return { requestId: served.event.requestId, ...served };
  }

  async serveBlob(model: Pick<ModelDeployed, 'modelId' | 'adapterDigest'>, tokensBlob: string) {
    const served = servedBy(model, tokensBlob);
    await this.announce(served);
    return { requestId: served.event.requestId, ...served };
  }

  scoreOf(requestId: string): Promise<AttributionScored> {
    return eventually(() => {
      const found = this.scored.find((event) => event.requestId === requestId);
      if (!found) throw new Error(`${requestId} is not scored yet`);
      return found;
    }, 60_000);
  }

  get(path: string, person?: string): Promise<{ status: number; body: unknown }> {
    return this.request(path, { headers: headersOf(person) });
  }

  post(path: string, body: object, person?: string): Promise<{ status: number; body: unknown }> {
    return this.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headersOf(person) },
      body: JSON.stringify(body),
    });
  }

  private async request(path: string, init: RequestInit): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.service?.httpPort}${path}`, init);
    return { status: response.status, body: await response.json() };
  }

  private async observe<T>(topic: Topic<T>, seen: T[]): Promise<void> {
    await this.eventLog.subscribe({
      group: `observer of ${topic.name}`,
      topics: [topic.name],
      handle: async (record) => {
        seen.push(decodeEvent(topic, record.body));
      },
    });
  }
}

function servedBy(
  { modelId, adapterDigest }: Pick<ModelDeployed, 'modelId' | 'adapterDigest'>,
  tokensBlob: string,
) {
  const event = InferenceServed.create({
    requestId: newId(),
    modelId,
    adapterDigest,
    payerOrganisationId: PAYER,
    tokensBlob,
    servedAt: new Date(),
  });
  return { eventId: newId(), event };
}
