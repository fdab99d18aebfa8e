import { Counter, Gauge, Histogram, type Host } from '@openledger/service-host';
import type { GenerationPiece, GenerationRequest } from '../application/generation.js';
import type { TextEngine } from '../application/text-engine.js';

/** Seconds, from a short prompt on an idle machine to a long queue. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts under vLLM's metric names, so that boards and autoscalers made for vLLM work unchanged. */
export class MeteredEngine implements TextEngine {
  private readonly firstToken: Histogram;
  private readonly duration: Histogram;
  private readonly promptTokens: Counter;
  private readonly generatedTokens: Counter;
  private readonly succeeded: Counter<'finished_reason'>;

  constructor(
    private readonly engine: TextEngine,
    metrics: Host['metrics'],
  ) {
    const registers = [metrics];
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge('vllm:num_requests_running', 'Requests being computed', () => engine.load.running);
    gauge(
      'vllm:num_requests_waiting',
      'Requests that wait for a row or an adapter',
      () => engine.load.waiting,
    );
    const histogram = (name: string, help: string) =>
      new Histogram({ name, help, buckets: BUCKETS, registers });
    this.firstToken = histogram('vllm:time_to_first_token_seconds', 'From arrival to the first token');
    this.duration = histogram('vllm:e2e_request_latency_seconds', 'From arrival to the last token');
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    this.promptTokens = counter('vllm:prompt_tokens_total', 'Prompt tokens of answered requests');
    this.generatedTokens = counter('vllm:generation_tokens_total', 'Tokens generated');
    this.succeeded = new Counter({
      name: 'vllm:request_success_total',
      help: 'Requests that ended by themselves',
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

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1_000;
    let first = true;
    for await (const piece of this.engine.generate(request, signal)) {
      if (first) {
        this.firstToken.observe(seconds());
        this.promptTokens.inc(request.promptTokens.length);
      }
      first = false;
      this.generatedTokens.inc(piece.tokens.length);
      if (piece.finishReason !== '') {
        this.succeeded.inc({ finished_reason: piece.finishReason });
        this.duration.observe(seconds());
      }
      yield piece;
    }
  }
}
