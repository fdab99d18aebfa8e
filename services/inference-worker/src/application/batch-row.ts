import { DomainError, invariant } from '@openledger/kernel';
import { AnswerText, type TokenDecoder } from '../domain/answer-text.js';
import type { GrammarCursor, Grammars } from '../domain/json-grammar/grammars.js';
import { logProbabilities } from '../domain/log-probabilities.js';
import type { Sampling } from '../domain/sampling.js';
import { TokenHistory } from '../domain/token-history.js';
import type { TokenSampler } from '../domain/token-sampler.js';
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
  readonly sampler: TokenSampler;
  readonly grammars: Grammars;
}

/** One answer: its random numbers, its tokens and the text so far. Nothing in it is shared. */
export class BatchRow {
  lastToken = 0;
  private produced = 0;
  private readonly promptTokens: readonly number[];
  private readonly sampling: Sampling;
  private readonly text: AnswerText;
  private readonly history: TokenHistory;
  /** Where the answer is in the grammar of its JSON schema. */
  private readonly grammar: GrammarCursor | undefined;

  /** @throws DomainError of a JSON schema that cannot be answered */
  constructor(
    request: RowRequest,
    private readonly model: RowModel,
    private readonly random: () => number,
  ) {
    this.promptTokens = request.promptTokens;
    this.sampling = request.sampling;
    this.text = new AnswerText(model.decoder(), request.sampling.stop);
    this.history = new TokenHistory(request.promptTokens);
    const { jsonSchema } = request.sampling;
    this.grammar = jsonSchema === '' ? undefined : model.grammars.begin(jsonSchema);
  }

  /** Chooses the next token. The end-of-sequence token counts as produced and has no text. */
  next(logits: Float32Array): RowPiece {
    const { sampling, history, random } = this;
    const mask = this.grammar?.mask;
    if (mask?.count === 0) throw noWayOn();
    const token = this.model.sampler.choose(logits, { sampling, history, mask, random });
    const { topLogprobs } = sampling;
    const logprobs = topLogprobs === undefined ? [] : [logProbabilities(logits, token, topLogprobs)];
    this.lastToken = token;
    this.produced += 1;
    history.add(token);
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
    if (this.grammar) invariant(this.grammar.accept(token), 'a token of the mask goes on');
    const { text, stopped } = this.text.push(token);
    if (stopped) return { text, finishReason: 'stop' };
    // A whole value that nothing can follow needs no token to say so.
    if (this.grammar?.ended) return { text: text + this.text.finish().text, finishReason: 'stop' };
    const full = this.promptTokens.length + this.produced >= this.model.contextTokens;
    if (!full && this.produced < this.sampling.maxTokens) return { text, finishReason: '' };
    const rest = this.text.finish();
    return { text: text + rest.text, finishReason: rest.stopped ? 'stop' : 'length' };
  }
}

const noWayOn = () =>
  new DomainError(
    'unavailable',
    'JSON_SCHEMA_STUCK',
    'No token of this model goes on with an answer to the JSON schema: its vocabulary lacks a byte.',
  );
