import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DomainError } from '@openledger/kernel';
import { loadModelText } from '@openledger/transformer';
import { type BaseFacts, type EngineLoad, idleLoad } from '../../application/engine-messages.js';
import type {
  AdapterReference,
  EmbeddingRequest,
  GenerationPiece,
  GenerationRequest,
} from '../../application/generation.js';
import type { TextEngine } from '../../application/text-engine.js';
import { VllmAdapters, type VllmAdaptersOptions, vllmName } from './vllm-adapters.js';
import { completionBody, pieceOf } from './vllm-messages.js';
import { VllmRun } from './vllm-run.js';
import type { VllmModel, VllmServer } from './vllm-server.js';
import { VllmSpeed } from './vllm-speed.js';

export interface VllmEngineOptions {
  readonly server: VllmServer;
  /** The folder that the server serves; its weights are hashed, not loaded. */
  readonly modelDir: string;
  readonly contextTokensMax: number;
  /** Requests handed to the server at once; more are refused with OVERLOADED. */
  readonly requestsMax: number;
  /** Adapters that the server keeps on the device: its --max-loras. */
  readonly adaptersInBatch: number;
  /** How long a server may take to load its model. */
  readonly startTimeoutMs: number;
  readonly adapters: Omit<VllmAdaptersOptions, 'server' | 'model' | 'onError'>;
  readonly onError: (error: unknown) => void;
}

const WATCH_EVERY_MS = 2_000;
/** How often a server that is still loading its model is asked again. */
const CONNECT_EVERY_MS = 1_000;

/**
 * The engine of GPU nodes: batching, fairness within a batch and the prefix cache are the upstream server's;
 * which weights stand behind a name, and which of them are loaded, is ours.
 */
export class VllmEngine implements TextEngine {
  readonly adapters: VllmAdapters;
  private readonly runs = new Set<VllmRun>();
  private readonly speed = new VllmSpeed(() => this.runs.size > 0);
  private readonly timer: NodeJS.Timeout;
  private healthy = true;

  private constructor(
    private readonly options: VllmEngineOptions,
    readonly base: BaseFacts,
    private readonly upstreamModel: string,
  ) {
    const { server, onError } = options;
    this.adapters = new VllmAdapters({ ...options.adapters, server, model: base.config, onError });
    this.timer = setInterval(() => void this.watch(), WATCH_EVERY_MS);
    this.timer.unref();
  }

  /** Waits for a server that is still starting. @throws DomainError VLLM_UNAVAILABLE, MODEL_FILE_MISSING */
  static async connect(options: VllmEngineOptions): Promise<VllmEngine> {
    const [{ folder, config, digest }, upstream] = await Promise.all([
      loadModelText(options.modelDir),
      upstreamModel(options),
    ]);
    const contextTokens = Math.min(options.contextTokensMax, config.maxPositions, upstream.contextTokens);
    const base: BaseFacts = {
      name: basename(folder),
      digest,
      config,
      contextTokens,
      rowsMax: options.requestsMax,
      stripTokensMax: options.requestsMax * contextTokens,
      packing: 'float32',
    };
    const engine = new VllmEngine(options, base, upstream.id);
    engine.adapters.adopt(upstream.adapters);
    return engine;
  }

  get isReady(): boolean {
    return this.healthy;
  }

  get load(): EngineLoad {
    const { residentDigests, loadingDigests, pinnedDigests } = this.adapters;
    const resident = residentDigests.length;
    const poolStart = Math.max(0, resident - this.options.adaptersInBatch);
    const queuedTokens = [...this.runs].reduce((sum, { tokensLeft }) => sum + tokensLeft, 0);
    return {
      ...idleLoad,
      running: this.runs.size,
      queuedTokens,
      prefillTokensPerSecond: this.speed.prefill,
      decodeTokensPerSecond: this.speed.decode,
      runningDigests: [...new Set([...this.runs].flatMap(({ digests }) => digests))],
      adapters: {
        ...idleLoad.adapters,
        // The server keeps those used last on the device.
        poolDigests: residentDigests.slice(poolStart),
        memoryDigests: residentDigests.slice(0, poolStart),
        loadingDigests,
        pinnedDigests,
      },
    };
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    const reference = theOnlyAdapter(request);
    if (this.runs.size >= this.options.requestsMax) throw overloaded();
    const run = new VllmRun(request);
    this.runs.add(run);
    try {
      for await (const piece of this.answer(request, reference, { gone: signal, stop: run.stop.signal })) {
        this.speed.heard(run.take(piece), piece.tokens.length);
        yield piece;
      }
    } finally {
      this.runs.delete(run);
    }
  }

  stopRun(requestId: string): void {
    for (const run of this.runs) if (run.requestId === requestId) run.stop.abort();
  }

  embed(_request: EmbeddingRequest): Promise<Float32Array> {
    const message =
      'A vLLM server that generates does not embed: send embeddings to workers of the onnx engine.';
    return Promise.reject(new DomainError('precondition', 'EMBEDDINGS_UNSUPPORTED', message));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async *answer(
    request: GenerationRequest,
    reference: AdapterReference | undefined,
    ends: Ends,
  ): AsyncGenerator<GenerationPiece> {
    if (!reference) return yield* this.complete(this.upstreamModel, request, ends);
    const { digest } = reference;
    for (let attempt = 1; ; attempt += 1) {
      await this.adapters.take(reference);
      let begun = false;
      try {
        for await (const piece of this.complete(vllmName(digest), request, ends)) {
          begun = true;
          yield piece;
        }
        return;
      } catch (error) {
        const lost = error instanceof DomainError && error.code === 'VLLM_MODEL_UNKNOWN';
        if (begun || !lost || attempt > 1) throw error;
        this.adapters.forget(digest);
      } finally {
        this.adapters.release(digest);
      }
    }
  }

  /** The last piece waits for the usage that the server tells after it. */
  private async *complete(
    model: string,
    request: GenerationRequest,
    ends: Ends,
  ): AsyncGenerator<GenerationPiece> {
    const adapterDigests = request.adapters.map(({ reference }) => reference.digest);
    let last: GenerationPiece | undefined;
    let cachedTokens = 0;
    try {
      const chunks = this.options.server.complete(
        completionBody(model, request),
        AbortSignal.any([ends.gone, ends.stop]),
      );
      for await (const chunk of chunks) {
        cachedTokens = chunk.usage?.prompt_tokens_details?.cached_tokens ?? cachedTokens;
        if (chunk.choices.length === 0) continue;
        const piece = pieceOf(chunk, adapterDigests);
        if (!piece) throw withoutTokens();
        if (last) yield last;
        last = piece;
      }
      if (last) yield { ...last, cachedTokens, finishReason: last.finishReason || 'stop' };
    } catch (error) {
      if (!ends.stop.aborted) throw error;
      if (last) yield last;
      yield { tokens: [], text: '', logprobs: [], finishReason: 'cancelled', adapterDigests, cachedTokens };
    }
  }

  /** A server that was started anew has lost its adapters, whatever was tracked. */
  private async watch(): Promise<void> {
    this.speed.tick();
    const healthy = await this.options.server.isHealthy();
    if (healthy === this.healthy) return;
    if (healthy) {
      const upstream = await this.options.server.model().catch(this.options.onError);
      if (!upstream) return;
      this.adapters.adopt(upstream.adapters);
    }
    this.healthy = healthy;
  }
}

interface Ends {
  /** The caller left: nobody hears anything more. */
  readonly gone: AbortSignal;
  /** The run is ended early: its last piece still counts. */
  readonly stop: AbortSignal;
}

async function upstreamModel({ server, startTimeoutMs }: VllmEngineOptions): Promise<VllmModel> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      return await server.model();
    } catch (error) {
      const starting = error instanceof DomainError && error.code === 'VLLM_UNAVAILABLE';
      if (!starting || performance.now() >= deadline) throw error;
      await setTimeout(CONNECT_EVERY_MS);
    }
  }
}

/** @throws DomainError ADAPTER_COMPOSITION_UNSUPPORTED: vLLM applies one adapter to a prompt */
function theOnlyAdapter({ adapters }: GenerationRequest): AdapterReference | undefined {
  const [first] = adapters;
  if (adapters.length <= 1 && (first === undefined || first.weight === 1)) return first?.reference;
  const message = 'This worker runs vLLM, which applies one adapter, whole: send one adapter with weight 1.';
  throw new DomainError('precondition', 'ADAPTER_COMPOSITION_UNSUPPORTED', message);
}

const overloaded = (): DomainError =>
  new DomainError('exhausted', 'OVERLOADED', 'The engine is full: try again shortly.');

const withoutTokens = (): DomainError =>
  new DomainError(
    'unavailable',
    'VLLM_UNEXPECTED',
    'The vLLM server told no token ids, without which an answer cannot be accounted for: it must be version 0.11 or newer.',
  );
