import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Engine,
  type IndexSummary,
  type ModelVersion,
  type ScoredAnswer,
} from '@openledger/attribution/engine';
import { FolderBlobStore } from '@openledger/blob-store';
import type {
  AdapterReference,
  EngineThread,
  EngineThreadOptions,
} from '@openledger/inference-worker/engine';
import { canonicalJson } from '@openledger/kernel';
import { chatContextPrompt } from '@openledger/transformer';
import { askAdapted, engineOver } from '../serving/adapter-engine.js';
import type { CostBed } from './cost-bed.js';
import { storeVersion } from './stored-version.js';

/** What was done and the processor time of this process for it, all threads together. */
export interface Timed<T> {
  readonly result: T;
  readonly cpuMs: number;
  readonly elapsedMs: number;
}

export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const begun = performance.now();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, cpuMs: (user + system) / 1_000, elapsedMs: performance.now() - begun };
}

export interface Question {
  readonly prompt: string;
  /** Retrieved texts. */
  readonly chunks: readonly string[];
  /** Of the answer. */
  readonly tokens: number;
}

interface Parts {
  readonly dir: string;
  readonly bed: CostBed;
  readonly blobs: FolderBlobStore;
  readonly engine: Engine;
  readonly version: ModelVersion;
  readonly adapter: AdapterReference;
  readonly serving: { readonly engine: EngineThread; readonly stop: () => Promise<void> };
}

/** A version that answers in the worker's engine, beside the engine that attributes its answers. */
export class CostRun {
  private index: IndexSummary | undefined;
  private asked = 0;

  private constructor(private readonly parts: Parts) {}

  static async open(bed: CostBed, settings: Partial<EngineThreadOptions['engine']>): Promise<CostRun> {
    const dir = await mkdtemp(join(tmpdir(), 'attribution-cost-'));
    const blobs = await FolderBlobStore.open(dir);
    const { version, adapter } = await storeVersion(blobs, bed.source);
    const limits = { threads: 1, tokensMax: 2_048, recordsMax: 200_000 };
    const engine = new Engine(blobs, { modelDir: bed.modelDir, ...limits });
    const serving = await engineOver(dir, bed.modelDir, settings);
    return new CostRun({ dir, bed, blobs, engine, version, adapter, serving });
  }

  /** Indexes the version. Sizes in bytes. */
  async build(): Promise<Timed<IndexSummary> & { readonly bytes: number; readonly projectionBytes: number }> {
    const { dir, blobs, engine, version } = this.parts;
    const before = await bytesIn(dir);
    const building = await timed(() => engine.index(version, () => undefined));
    this.index = building.result;
    const description = JSON.parse(Buffer.from(await blobs.get(building.result.digest)).toString()) as {
      projectionBlob: string;
    };
    const projectionBytes = (await blobs.get(description.projectionBlob)).length;
    return { ...building, bytes: (await bytesIn(dir)) - before, projectionBytes };
  }

  /** Has a question answered, greedily, and keeps the answer as the gateway does. */
  async ask({ prompt, chunks, tokens }: Question): Promise<Timed<string>> {
    const { blobs, bed, serving, adapter } = this.parts;
    const framed = chatContextPrompt(bed.base, [{ role: 'user', content: prompt }], chunks);
    const question = { tokens: framed.tokens, answerTokens: tokens, adapter };
    const completionTokens: number[] = [];
    const answering = await timed(() =>
      askAdapted(serving.engine, question, (piece) => completionTokens.push(...piece.tokens)),
    );
    if (completionTokens.length !== tokens)
      throw new Error(`the answer has ${completionTokens.length} tokens`);
    const context = framed.ranges.map((range, i) => ({ recordId: `record-${i}`, ...range }));
    const answer = { promptTokens: framed.tokens, completionTokens, context };
    return { ...answering, result: await blobs.put(Buffer.from(canonicalJson(answer))) };
  }

  /** Attributes an answer that was given. */
  async score(tokensBlob: string): Promise<Timed<ScoredAnswer>> {
    const { engine, version } = this.parts;
    const { index } = this;
    if (!index) throw new Error('the version has no index yet');
    this.asked += 1;
    const requestId = `request-${this.asked}`;
    const scoring = await timed(() =>
      engine.score({
        version,
        indexDigest: index.digest,
        requestId,
        tokensBlob,
        parties: new Map(),
        withdrawn: [],
        chunkOwners: new Map(),
        reliability: index.reliability,
      }),
    );
    if (scoring.result.status !== 'scored') throw new Error(`not scored: ${scoring.result.reason}`);
    return scoring;
  }

  async close(): Promise<void> {
    await this.parts.serving.stop();
    await this.parts.engine.release();
    await rm(this.parts.dir, { recursive: true, force: true });
  }
}

async function bytesIn(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
