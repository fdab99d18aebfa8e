import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import {
  type AdapterNote,
  type AdapterReference,
  type EngineThread,
  type EngineThreadOptions,
  type GenerationPiece,
  LoaderThread,
  plainSampling,
} from '@openledger/inference-worker/engine';
import { systemClock } from '@openledger/kernel';
import type { ModelConfig } from '@openledger/transformer';
import { type RandomAdapterShape, randomAdapterFiles } from './random-model.js';
import { openEngine } from './worker-engine.js';

const FILE_BYTES_MAX = 256 * 1_024 * 1_024;

/** Adapters in a blob store on disk, as workers find them, and engines that serve them from there. */
export class AdapterBench {
  /** Of one weights file. */
  fileBytes = 0;
  private readonly stops: (() => Promise<void>)[] = [];

  private constructor(
    private readonly model: ModelConfig,
    private readonly dir: string,
    private readonly blobs: FolderBlobStore,
  ) {}

  static async open(model: ModelConfig): Promise<AdapterBench> {
    const dir = await mkdtemp(join(tmpdir(), 'openledger-adapters-'));
    return new AdapterBench(model, dir, await FolderBlobStore.open(dir));
  }

  /** Writes an adapter; another seed is another adapter. */
  async store(shape: RandomAdapterShape): Promise<AdapterReference> {
    const files = randomAdapterFiles(this.model, shape);
    this.fileBytes = files.weights.length;
    return {
      digest: files.digest,
      configBlob: await this.blobs.put(files.config),
      weightsBlob: await this.blobs.put(files.weights),
    };
  }

  /** An engine in its thread, with its loader's thread. */
  async engine(
    settings: Partial<EngineThreadOptions['engine']>,
    onAdapterNote: (note: AdapterNote) => void = () => undefined,
  ): Promise<EngineThread> {
    const { engine, stop } = await engineOver(this.dir, this.model, settings, onAdapterNote);
    this.stops.push(stop);
    return engine;
  }

  async close(): Promise<void> {
    for (const stop of this.stops) await stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** An engine that finds adapters in a folder of blobs, and how to stop it. */
export async function engineOver(
  blobDir: string,
  model: ModelConfig | string,
  settings: Partial<EngineThreadOptions['engine']>,
  onAdapterNote: (note: AdapterNote) => void = () => undefined,
): Promise<{ readonly engine: EngineThread; readonly stop: () => Promise<void> }> {
  const onTrouble = (error: unknown) => {
    throw error;
  };
  const limits = { rankMax: 128, fileBytesMax: FILE_BYTES_MAX };
  const loader = new LoaderThread({
    loader: { blobDir, disk: undefined, limits },
    clock: systemClock,
    onLoad: () => undefined,
    onTrouble,
  });
  const engine = await openEngine(model, settings, {
    adapters: ({ config, packing }) => ({
      load: (reference) => loader.load(reference, { model: config, packing }),
    }),
    onAdapterNote,
  });
  const stop = async () => {
    await engine.stop();
    await loader.stop();
  };
  return { engine, stop };
}

export interface AdaptedQuestion {
  readonly tokens: readonly number[];
  readonly answerTokens: number;
  readonly adapter: AdapterReference;
}

/** Milliseconds to the first token; `onPiece` is told of each piece. */
export async function askAdapted(
  engine: EngineThread,
  { tokens: promptTokens, answerTokens, adapter }: AdaptedQuestion,
  onPiece: (piece: GenerationPiece) => void = () => undefined,
): Promise<number> {
  const sampling = { ...plainSampling, maxTokens: answerTokens, ignoreEos: true };
  const adapters = [{ reference: adapter, weight: 1 }];
  const request = { requestId: '', tenant: '', adapters, promptTokens, sampling };
  const begun = performance.now();
  let firstMs = 0;
  for await (const piece of engine.generate(request, new AbortController().signal)) {
    firstMs ||= performance.now() - begun;
    onPiece(piece);
  }
  return firstMs;
}
