import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  type AdapterReference,
  type GetStatusResponse,
  RunRequest,
  type RunResponse,
  type Sampling,
  WorkerServiceClient,
} from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { type RunningService, serviceMetadata, startService } from '@openledger/service-host';
import { KnownCallers, testDatabase } from '@openledger/testing';
import { tinyAdapter, writeTinyModel } from '@openledger/testing/tiny-model';
import { inferenceWorker } from '../src/index.js';

export const SERVICE_TOKEN = 'service-token-of-this-test';

export interface Answer {
  readonly tokens: readonly number[];
  readonly text: string;
  readonly finishReason: string;
  readonly adapterDigests: ReadonlySet<string>;
}

/** A real worker over a tiny model, and adapters in its blob store. */
export class WorkerFixture {
  private constructor(
    readonly service: RunningService,
    readonly client: WorkerServiceClient,
    readonly blobs: FolderBlobStore,
    private readonly dir: string,
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<WorkerFixture> {
    const dir = await mkdtemp(join(tmpdir(), 'worker-'));
    const modelDir = join(dir, 'tiny');
    await writeTinyModel(modelDir);
    const service = await startService(inferenceWorker, {
      env: {
        DATABASE_URL: await testDatabase(),
        SERVICE_TOKEN,
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'silent',
        MODEL_DIR: modelDir,
        BLOB_DIR: join(dir, 'blobs'),
        ADAPTER_RANK_MAX: '4',
        ...env,
      },
      // The worker has no callers of its own.
      authenticator: new KnownCallers(() => undefined),
    });
    const client = new WorkerServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure());
    return new WorkerFixture(service, client, await FolderBlobStore.open(join(dir, 'blobs')), dir);
  }

  async adapter(seed: number): Promise<AdapterReference> {
    const files = tinyAdapter(seed);
    const [configBlob, weightsBlob] = [
      await this.blobs.put(files.config),
      await this.blobs.put(files.weights),
    ];
    return { digest: files.digest, configBlob, weightsBlob };
  }

  call(prompt: string, adapter?: AdapterReference, sampling: Partial<Sampling> = {}) {
    const request = RunRequest.fromPartial({
      requestId: newId(),
      promptTokens: [...Buffer.from(prompt)],
      adapters: adapter ? [{ adapter, weight: 1 }] : [],
      sampling: { maxTokens: 12, ...sampling },
    });
    return this.client.run(request, serviceMetadata(SERVICE_TOKEN));
  }

  async run(prompt: string, adapter?: AdapterReference, sampling: Partial<Sampling> = {}): Promise<Answer> {
    const tokens: number[] = [];
    const adapterDigests = new Set<string>();
    let text = '';
    let finishReason = '';
    for await (const message of this.call(prompt, adapter, sampling)) {
      const response = message as RunResponse;
      tokens.push(...response.tokens);
      text += response.text;
      finishReason = response.finishReason;
      adapterDigests.add(response.adapterDigests.join());
    }
    return { tokens, text, finishReason, adapterDigests };
  }

  status(): Promise<GetStatusResponse> {
    return new Promise((resolve, reject) => {
      this.client.getStatus({}, serviceMetadata(SERVICE_TOKEN), (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
    });
  }

  prefetch(adapter: AdapterReference): Promise<unknown> {
    return this.ask((done) => this.client.prefetchAdapter({ adapter }, serviceMetadata(SERVICE_TOKEN), done));
  }

  pin(adapter: AdapterReference, pinned: boolean): Promise<unknown> {
    return this.ask((done) =>
      this.client.pinAdapter({ adapter, pinned }, serviceMetadata(SERVICE_TOKEN), done),
    );
  }

  unload(digest: string): Promise<unknown> {
    return this.ask((done) => this.client.unloadAdapter({ digest }, serviceMetadata(SERVICE_TOKEN), done));
  }

  private ask(call: (done: (error: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
  }

  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.service.httpPort}/metrics`);
    return response.text();
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.service.stop();
    await rm(this.dir, { recursive: true });
  }
}
