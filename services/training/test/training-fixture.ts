import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdapterFiles, configFile, weightsFile } from '@openledger/adapters';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  ContributionAssessed,
  ContributionWithdrawn,
  DatanetCreated,
  topics,
  Verdict,
} from '@openledger/contracts';
import type { EventRecord } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { canonicalJson, newId, sha256 } from '@openledger/kernel';
import { type RunningService, startService } from '@openledger/service-host';
import { KnownCallers, publish, testDatabase } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import type { RunEvaluation, RunProgress } from '../src/domain/run.js';
import { training } from '../src/index.js';

/** Members of the run, the lineage page and the problem body, as far as tests read them. */
export interface Answer {
  readonly id: string;
  readonly modelId: string;
  readonly status: string;
  readonly plan: { readonly parentModelId?: string };
  readonly code?: string;
  readonly failure?: string;
  readonly adapterDigest: string;
  readonly progress: RunProgress;
  readonly evaluation: RunEvaluation;
  readonly total: number;
  readonly runs: readonly { readonly id: string; readonly createdAt: string }[];
  readonly models: readonly { readonly id: string; readonly name: string }[];
  readonly next: string | null;
  readonly detail?: string;
  readonly importId?: string;
  readonly name: string;
  readonly records: readonly {
    readonly contributorId: string;
    readonly tokens: number;
    readonly completion?: string;
  }[];
}

/** A real training service over a tiny model, with a memory log on which the test plays the other services. */
export class TrainingFixture {
  readonly published: EventRecord[] = [];
  readonly log = new MemoryEventLog();
  blobs!: FolderBlobStore;
  modelDir!: string;
  private service!: RunningService;
  private env!: Record<string, string>;
  private dir!: string;

  static async start(): Promise<TrainingFixture> {
    const fixture = new TrainingFixture();
    fixture.dir = await mkdtemp(join(tmpdir(), 'training-'));
    fixture.modelDir = join(fixture.dir, 'tiny');
    await writeTinyModel(fixture.modelDir);
    fixture.env = {
      DATABASE_URL: await testDatabase(),
      SERVICE_TOKEN: 'x'.repeat(32),
      BIND_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      LOG_LEVEL: 'silent',
      BLOB_DIR: join(fixture.dir, 'blobs'),
      WORK_DIR: join(fixture.dir, 'work'),
      MODEL_DIR: fixture.modelDir,
      TRAINING_THREADS: '1',
      CHECKPOINT_STEPS: '5',
      QUEUE_POLL_MS: '20',
      IMPORT_BYTES_MAX: '1000000',
    };
    fixture.blobs = await FolderBlobStore.open(join(fixture.dir, 'blobs'));
    await fixture.log.createTopics(Object.values(topics));
    await fixture.log.subscribe({
      group: 'test',
      topics: [topics.modelTrained.name, topics.modelDeployed.name],
      handle: async (record) => void fixture.published.push(record),
    });
    await fixture.startService();
    return fixture;
  }

  async startService(): Promise<void> {
    this.service = await startService(training, {
      env: this.env,
      authenticator: new KnownCallers((key) => {
        if (key === 'reader') return { organisationId: key, scopes: new Set() };
        return key.startsWith('org-') ? { organisationId: key } : undefined;
      }),
      eventLog: this.log,
    });
  }

  stopService(): Promise<void> {
    return this.service.stop();
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.log.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  async call(method: string, path: string, body?: unknown, organisation = 'org-1') {
    const response = await fetch(`http://127.0.0.1:${this.service.httpPort}${path}`, {
      method,
      headers: { authorization: `Bearer ${organisation}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  }

  /** Uploads a PEFT folder; entries of `changes` replace or, where undefined, leave out parts of the form. */
  async import(
    files: AdapterFiles,
    changes: Readonly<Record<string, string | File | undefined>> = {},
    credential = 'org-1',
  ) {
    const parts: Record<string, string | File | undefined> = {
      modelName: 'elsewhere',
      promptWeiPerMillion: '1000',
      completionWeiPerMillion: '2000',
      config: asFile(files.config, configFile),
      weights: asFile(files.weights, weightsFile),
      ...changes,
    };
    const form = new FormData();
    for (const [name, part] of Object.entries(parts)) if (part !== undefined) form.set(name, part);
    return this.post('/models/imports', form, { authorization: `Bearer ${credential}` });
  }

  async post(path: string, body: FormData | string, headers: Record<string, string>) {
    const url = `http://127.0.0.1:${this.service.httpPort}${path}`;
    const response = await fetch(url, { method: 'POST', headers, body });
    return { status: response.status, body: (await response.json()) as Answer };
  }

  async datanet(permissions = { training: true, commercialUse: true }): Promise<string> {
    const datanetId = newId();
    const event = DatanetCreated.create({ datanetId, name: 'Facts', licence: 'CC-BY-4.0', permissions });
    await publish(this.log, topics.datanetCreated, event);
    return datanetId;
  }

  async contribute(
    datanetId: string,
    contributorId: string,
    records: readonly object[],
    contributionId = newId(),
  ): Promise<string> {
    const lines = records.map((record) => {
      const id = sha256(canonicalJson(record as never));
      return `${canonicalJson({ id, contributorId, contributionId, quality: 1, record: record as never })}\n`;
    });
    const event = ContributionAssessed.create({
      contributionId,
      datanetId,
      contributorId,
      verdict: Verdict.VERDICT_ACCEPTED,
      acceptedCount: records.length,
      acceptedBlob: await this.blobs.put(Buffer.from(lines.join(''))),
    });
    await publish(this.log, topics.contributionAssessed, event);
    return contributionId;
  }

  withdraw(contributionId: string, datanetId: string): Promise<void> {
    const event = ContributionWithdrawn.create({ contributionId, datanetId, withdrawnAt: new Date() });
    return publish(this.log, topics.contributionWithdrawn, event);
  }
}

export const facts = (subject: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `${subject} ${i}?`,
    completion: `${subject} is ${i * 7}.`,
  }));

export const asFile = (bytes: Uint8Array, name: string): File => new File([Uint8Array.from(bytes)], name);
