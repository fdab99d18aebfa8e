import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAdapter } from '@openledger/adapters';
import { tinyAdapter, tinyModel, writeTinyModel } from '@openledger/testing/tiny-model';
import { openModelFolder, type Precision, packAdapter, type ServingSession } from '@openledger/transformer';
import { AdapterPages } from '../src/application/adapter-pages.js';
import { AdapterShelf } from '../src/application/adapter-shelf.js';
import type { Batch } from '../src/application/batch.js';
import { Engine } from '../src/application/engine.js';
import type { EngineOrder, EngineReport, RequestOrder } from '../src/application/engine-messages.js';
import type { GenerationPiece, WeightedReference } from '../src/application/generation.js';
import type { PlainError } from '../src/application/plain-error.js';
import { rowModel } from '../src/application/row-model.js';
import { plainSampling, type Sampling } from '../src/domain/sampling.js';
import { openSession } from '../src/outbound/open-session.js';

export interface EngineSettings {
  readonly rowsMax?: number;
  readonly prefillChunkTokens?: number;
  readonly stripTokensMax?: number;
  readonly prefixCacheBytes?: number;
  readonly adapterPages?: number;
  readonly adapterCacheBytes?: number;
  readonly precision?: Precision;
}

export interface Asked {
  readonly tokens: readonly number[];
  readonly tenant?: string;
  readonly adapters?: readonly WeightedReference[];
  readonly sampling?: Partial<Sampling>;
  readonly embed?: boolean;
}

/** What came of a request. */
export interface Outcome {
  pieces: GenerationPiece[];
  embedding: Float32Array | undefined;
  error: PlainError | undefined;
}

export const bytes = (text: string): number[] => [...Buffer.from(text)];

/** The adapters of `seeds`, each times its weight. */
export const weighted = (...seeds: readonly (readonly [number, number])[]): WeightedReference[] =>
  seeds.map(([seed, weight]) => ({
    reference: { digest: String(seed), configBlob: '', weightsBlob: '' },
    weight,
  }));

/** What the engine's thread does, without the thread: every tick is the test's. */
export class EngineFixture {
  readonly outcomes = new Map<number, Outcome>();
  readonly reports: EngineReport[] = [];
  readonly engine: Engine;
  private lastId = 0;

  private constructor(
    readonly session: ServingSession,
    build: (report: (report: EngineReport) => void) => Engine,
  ) {
    this.engine = build((report) => this.hear(report));
  }

  static async open(settings: EngineSettings = {}): Promise<EngineFixture> {
    const dir = await mkdtemp(join(tmpdir(), 'engine-'));
    await writeTinyModel(dir);
    const opened = await openModelFolder(dir);
    const { config, tokenizer, generation } = opened;
    const { rowsMax = 4, prefillChunkTokens = 64, adapterPages = 16, precision = 'float32' } = settings;
    const contextTokens = 512;
    const { session } = await openSession(opened, {
      kernels: { precision, provider: 'cpu', planDir: undefined },
      rowsMax,
      contextTokens,
      threads: 1,
      adapterPages,
    });
    opened.close();
    await rm(dir, { recursive: true });
    const model = rowModel({ config, tokenizer, eosTokenIds: generation.eosTokenIds, contextTokens });
    const { stripTokensMax = rowsMax * contextTokens, prefixCacheBytes = 2 ** 24 } = settings;
    const options = { session, config, model, rowsMax, prefillChunkTokens, stripTokensMax, prefixCacheBytes };
    return new EngineFixture(session, (report) => {
      const shelf = new AdapterShelf(settings.adapterCacheBytes ?? 2 ** 24);
      const pages = new AdapterPages(session.adapters, (note) => report({ kind: 'adapter-note', note }));
      return new Engine(options, { shelf, pages }, report);
    });
  }

  get batch(): Batch {
    return Reflect.get(this.engine, 'batch') as Batch;
  }

  ask(asked: Asked): number {
    const { tokens, tenant = '', adapters = [], sampling, embed = false } = asked;
    this.lastId += 1;
    const id = this.lastId;
    this.outcomes.set(id, { pieces: [], embedding: undefined, error: undefined });
    const order: RequestOrder = {
      kind: 'request',
      id,
      tenant,
      tokens,
      adapters,
      sampling: embed
        ? undefined
        : { ...plainSampling, maxTokens: 12, topLogprobs: 2, ignoreEos: true, ...sampling },
    };
    this.engine.receive(order);
    return id;
  }

  order(order: EngineOrder): void {
    this.engine.receive(order);
  }

  async tick(times = 1): Promise<boolean> {
    let busy = true;
    for (let time = 0; time < times && busy; time += 1) busy = await this.engine.tick();
    return busy;
  }

  async untilIdle(ticksMax = 5_000): Promise<void> {
    for (let tick = 0; await this.engine.tick(); tick += 1) {
      if (tick >= ticksMax) throw new Error(`not idle after ${ticksMax} ticks`);
    }
  }

  /** Asks, computes to the end and tells what came of it. */
  async answer(asked: Asked): Promise<Outcome> {
    const id = this.ask(asked);
    await this.untilIdle();
    return this.of(id);
  }

  of(id: number): Outcome {
    const outcome = this.outcomes.get(id);
    if (!outcome) throw new Error(`request ${id} was never asked`);
    return outcome;
  }

  hasEnded(id: number): boolean {
    const { pieces, embedding, error } = this.of(id);
    return (pieces.at(-1)?.finishReason ?? '') !== '' || embedding !== undefined || error !== undefined;
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private hear(report: EngineReport): void {
    switch (report.kind) {
      case 'piece':
        this.of(report.id).pieces.push(report.piece);
        break;
      case 'embedded':
        this.of(report.id).embedding = report.values;
        break;
      case 'failed':
        this.of(report.id).error = report.error;
        break;
      case 'wanted':
        this.deliver(report.adapter.digest);
        break;
      default:
        this.reports.push(report);
    }
  }

  private deliver(digest: string): void {
    const { lora, weights } = parseAdapter(tinyAdapter(Number(digest)), tinyModel);
    const { packing } = this.session.adapters;
    const adapter = packAdapter(tinyModel, { config: lora, weights }, { packing });
    this.engine.receive({ kind: 'adapter', digest, adapter, origin: 'remote', loadMs: 1 });
  }
}

/** All that a caller sees of an answer's numbers, to the last bit. */
export const wholeAnswer = ({ pieces }: Outcome) => ({
  tokens: pieces.flatMap((piece) => piece.tokens),
  text: pieces.map((piece) => piece.text).join(''),
  logprobs: pieces.flatMap((piece) => piece.logprobs),
  finishReason: pieces.at(-1)?.finishReason,
});
