import { AnswerText, type TokenDecoder } from '../domain/answer-text.js';
import { logProbabilities } from '../domain/log-probabilities.js';
import type { Sampling } from '../domain/sampling.js';
import { sampleToken } from '../domain/token-sampler.js';
import type { GenerationPiece } from './generation.js';

export interface RowRequest {
  readonly promptTokens: readonly number[];
  readonly sampling: Sampling;
}

/** What one token adds to the answer. */
export type RowPiece = Pick<GenerationPiece, 'tokens' | 'text' | 'logprobs' | 'finishReason'>;

export interface RowModel {
  readonly decoder: () => TokenDecoder;
  readonly eosTokenIds: ReadonlySet<number>;
  readonly contextTokens: number;
}

/** One answer: its random numbers, its tokens and the text so far. Nothing in it is shared. */
export class BatchRow {
  lastToken = 0;
  private produced = 0;
  private readonly promptTokens: readonly number[];
  private readonly sampling: Sampling;
  private readonly text: AnswerText;

  constructor(
    request: RowRequest,
    private readonly model: RowModel,
    private readonly random: () => number,
  ) {
    this.promptTokens = request.promptTokens;
    this.sampling = request.sampling;
    this.text = new AnswerText(model.decoder(), request.sampling.stop);
  }

  /** Chooses the next token. The end-of-sequence token counts as produced and has no text. */
  next(logits: Float32Array): RowPiece {
    const token = sampleToken(logits, this.sampling, this.random);
    const { topLogprobs } = this.sampling;
    const logprobs = topLogprobs === undefined ? [] : [logProbabilities(logits, token, topLogprobs)];
    this.lastToken = token;
    this.produced += 1;
    return { tokens: [token], logprobs, ...this.tell(token) };
  }

  /** The end of an answer that is not wanted any more; text that was held back is told. */
  cancel(): RowPiece {
    return { tokens: [], logprobs: [], text: this.text.finish().text, finishReason: 'cancelled' };
  }

  /** Tokens that the answer may still get. */
  get tokensLeft(): number {
    const { contextTokens } = this.model;
    return Math.min(this.sampling.maxTokens, contextTokens - this.promptTokens.length) - this.produced;
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
