import type { ServedAdapter } from '@openledger/transformer';
import { AnswerText, type TokenDecoder } from '../domain/answer-text.js';
import { logProbabilities } from '../domain/log-probabilities.js';
import type { Sampling } from '../domain/sampling.js';
import { sampleToken } from '../domain/token-sampler.js';
import type { GenerationPiece } from './generation.js';

export interface RowRequest {
  readonly id: number;
  readonly promptTokens: readonly number[];
  /** Empty for the base model alone. */
  readonly adapterDigest: string;
  readonly adapter: ServedAdapter | undefined;
  readonly sampling: Sampling;
}

export interface RowModel {
  readonly decoder: () => TokenDecoder;
  readonly eosTokenIds: ReadonlySet<number>;
  readonly contextTokens: number;
}

/** One generation: its adapter, its random numbers and the text so far. Nothing in it is shared. */
export class BatchRow {
  readonly id: number;
  readonly promptTokens: readonly number[];
  readonly adapterDigest: string;
  readonly adapter: ServedAdapter | undefined;
  /** Prompt tokens that the model has read. */
  prefilled = 0;
  lastToken = 0;
  private produced = 0;
  private readonly sampling: Sampling;
  private readonly text: AnswerText;

  constructor(
    request: RowRequest,
    private readonly model: RowModel,
    private readonly random: () => number,
  ) {
    this.id = request.id;
    this.promptTokens = request.promptTokens;
    this.adapterDigest = request.adapterDigest;
    this.adapter = request.adapter;
    this.sampling = request.sampling;
    this.text = new AnswerText(model.decoder(), request.sampling.stop);
  }

  /** Chooses the next token. The end-of-sequence token counts as produced and has no text. */
  next(logits: Float32Array): GenerationPiece {
    const token = sampleToken(logits, this.sampling, this.random);
    const { topLogprobs } = this.sampling;
    const logprobs = topLogprobs === undefined ? [] : [logProbabilities(logits, token, topLogprobs)];
    this.lastToken = token;
    this.produced += 1;
    return { tokens: [token], logprobs, adapterDigest: this.adapterDigest, ...this.tell(token) };
  }

  private tell(token: number): Pick<GenerationPiece, 'text' | 'finishReason'> {
    if (this.model.eosTokenIds.has(token) && !this.sampling.ignoreEos) {
      return { text: this.text.finish().text, finishReason: 'stop' };
    }
    const { text, stopped } = this.text.push(token);
    if (stopped) return { text, finishReason: 'stop' };
    const full = this.promptTokens.length + this.produced >= this.model.contextTokens;
    if (!full && this.produced < this.sampling.maxTokens) return { text, finishReason: '' };
    const rest = this.text.finish();
    return { text: text + rest.text, finishReason: rest.stopped ? 'stop' : 'length' };
  }
}
