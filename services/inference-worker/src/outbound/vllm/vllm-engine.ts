import { basename } from 'node:path';
import { DomainError } from '@openledger/kernel';
import { loadModelText } from '@openledger/transformer';
import type { BaseFacts } from '../../application/engine-messages.js';
import type {
  AdapterReference,
  EmbeddingRequest,
  GenerationPiece,
  GenerationRequest,
} from '../../application/generation.js';
import { VllmAdapters, type VllmAdaptersOptions, vllmName } from './vllm-adapters.js';
import { completionBody, pieceOf } from './vllm-messages.js';
import type { VllmServer } from './vllm-server.js';

export interface VllmEngineOptions {
  readonly server: VllmServer;
  /** The folder that the server serves; its weights are hashed, not loaded. */
  readonly modelDir: string;
  readonly contextTokensMax: number;
  /** Requests handed to the server at once; more are refused with OVERLOADED. */
  readonly requestsMax: number;
  readonly adapters: Omit<VllmAdaptersOptions, 'server' | 'model' | 'onError'>;
  readonly onError: (error: unknown) => void;
}

const WATCH_EVERY_MS = 2_000;

/**
 * The engine of GPU nodes: batching, fairness within a batch and the prefix cache are the upstream server's;
 * which weights stand behind a name, and which of them are loaded, is ours.
 */
export class VllmEngine {
  private readonly stops = new Map<string, AbortController>();
  private readonly adapters: VllmAdapters;
  private readonly timer: NodeJS.Timeout;
  private running = 0;
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

  /** @throws DomainError VLLM_UNAVAILABLE, MODEL_FILE_MISSING */
  static async connect(options: VllmEngineOptions): Promise<VllmEngine> {
    const [{ folder, config, digest }, upstream] = await Promise.all([
      loadModelText(options.modelDir),
      options.server.model(),
    ]);
    const contextTokens = Math.min(options.contextTokensMax, config.maxPositions, upstream.contextTokens);
    const base: BaseFacts = { name: basename(folder), digest, config, contextTokens, packing: 'float32' };
    const engine = new VllmEngine(options, base, upstream.id);
    engine.adapters.adopt(upstream.adapters);
    return engine;
  }

  get isReady(): boolean {
    return this.healthy;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    const reference = theOnlyAdapter(request);
    if (this.running >= this.options.requestsMax) throw overloaded();
    this.running += 1;
    const stop = new AbortController();
    this.stops.set(request.requestId, stop);
    try {
      yield* this.answer(request, reference, { gone: signal, stop: stop.signal });
    } finally {
      this.running -= 1;
      this.stops.delete(request.requestId);
    }
  }

  /** Its last piece still comes. */
  stopRun(requestId: string): void {
    this.stops.get(requestId)?.abort();
  }

  embed(_request: EmbeddingRequest): Promise<never> {
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
