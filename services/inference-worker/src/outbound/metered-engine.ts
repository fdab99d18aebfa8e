import { Counter, Histogram, type Host } from '@openledger/service-host';
import type { EmbeddingRequest, GenerationPiece, GenerationRequest } from '../application/generation.js';
import type { TextEngine } from '../application/text-engine.js';

/** Seconds, from a short prompt on an idle machine to a long queue. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const TOKEN_BUCKETS = [1, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192];

/** Measures requests under vLLM's metric names, so that boards and autoscalers made for it work unchanged. */
export class MeteredEngine implements TextEngine {
  private readonly firstToken: Histogram;
  private readonly betweenTokens: Histogram;
  private readonly duration: Histogram;
  private readonly queued: Histogram;
  private readonly prefill: Histogram;
  private readonly decode: Histogram;
  private readonly promptSizes: Histogram;
  private readonly answerSizes: Histogram;
  private readonly promptTokens: Counter;
  private readonly generatedTokens: Counter;
  private readonly succeeded: Counter<'finished_reason'>;

  constructor(
    private readonly engine: TextEngine,
    metrics: Host['metrics'],
  ) {
    const registers = [metrics];
    const seconds = (name: string, help: string) =>
      new Histogram({ name: `vllm:${name}_seconds`, help, buckets: BUCKETS, registers });
    this.firstToken = seconds('time_to_first_token', 'From arrival to the first token');
    this.betweenTokens = seconds('inter_token_latency', 'Between two tokens of an answer');
    this.duration = seconds('e2e_request_latency', 'From arrival to the last token');
    this.queued = seconds('request_queue_time', 'From arrival to the first step');
    this.prefill = seconds('request_prefill_time', 'From the first step to the first token');
    this.decode = seconds('request_decode_time', 'From the first to the last token');
    const sizes = (name: string, help: string) =>
      new Histogram({ name: `vllm:${name}`, help, buckets: TOKEN_BUCKETS, registers });
    this.promptSizes = sizes('request_prompt_tokens', 'Tokens of prompts');
    this.answerSizes = sizes('request_generation_tokens', 'Tokens of answers');
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    this.promptTokens = counter('vllm:prompt_tokens_total', 'Prompt tokens of answered requests');
    this.generatedTokens = counter('vllm:generation_tokens_total', 'Tokens generated');
    this.succeeded = new Counter({
      name: 'vllm:request_success_total',
      help: 'Requests that were answered',
      labelNames: ['finished_reason'],
      registers,
    });
  }

  get base() {
    return this.engine.base;
  }

  get load() {
    return this.engine.load;
  }

  stopRun(requestId: string): void {
    this.engine.stopRun(requestId);
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    const clock = secondsFromNow();
    let firstAt: number | undefined;
    let lastAt = 0;
    let tokens = 0;
    for await (const piece of this.engine.generate(request, signal)) {
      const now = clock();
      tokens += piece.tokens.length;
      this.generatedTokens.inc(piece.tokens.length);
      if (firstAt !== undefined) this.betweenTokens.observe(now - lastAt);
      else if (piece.tokens.length > 0) {
        firstAt = now;
        this.begun(request.promptTokens.length, now, (piece.waitedMs ?? 0) / 1_000);
      }
      lastAt = now;
      if (piece.finishReason !== '') {
        this.succeeded.inc({ finished_reason: vllmReason(piece.finishReason) });
        this.duration.observe(now);
        this.answerSizes.observe(tokens);
        this.decode.observe(now - (firstAt ?? now));
      }
      yield piece;
    }
  }

  async embed(request: EmbeddingRequest, signal: AbortSignal): Promise<Float32Array> {
    const clock = secondsFromNow();
    const values = await this.engine.embed(request, signal);
    this.promptTokens.inc(request.tokens.length);
    this.promptSizes.observe(request.tokens.length);
    this.succeeded.inc({ finished_reason: 'stop' });
    this.duration.observe(clock());
    return values;
  }

  private begun(promptTokens: number, seconds: number, waited: number): void {
    this.firstToken.observe(seconds);
    this.queued.observe(waited);
    this.prefill.observe(Math.max(0, seconds - waited));
    this.promptTokens.inc(promptTokens);
    this.promptSizes.observe(promptTokens);
  }
}

const vllmReason = (reason: string): string => (reason === 'cancelled' ? 'abort' : reason);

function secondsFromNow(): () => number {
  const begun = performance.now();
  return () => (performance.now() - begun) / 1_000;
}
