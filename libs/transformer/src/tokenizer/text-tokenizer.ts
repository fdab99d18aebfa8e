import { Tokenizer } from '@huggingface/tokenizers';
import { DomainError } from '@openledger/kernel';
import { IncrementalDecoder } from './incremental-decoder.js';
import { type TokenBytes, tokenBytesOf } from './token-bytes.js';

/** How an encoding treats the tokens that frame a text. */
export interface EncodeOptions {
  /** Adds what the tokenizer's post-processor adds (usually the first token). Default true. */
  readonly addSpecialTokens?: boolean;
}

/** Longest text encoded at once, in UTF-16 units: a bound on time, as encoding blocks its thread. */
const maxTextLength = 4_000_000;

/** A tokenizer of a model folder. */
export class TextTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #special: ReadonlyMap<string, number>;
  readonly #bytesOf: TokenBytes;

  /**
   * @param json the content of `tokenizer.json`
   * @param config the content of `tokenizer_config.json`
   */
  constructor(json: object, config: object) {
    this.#tokenizer = new Tokenizer(json, config);
    this.#bytesOf = tokenBytesOf(json);
    const special = new Map<string, number>();
    for (const [id, token] of this.#tokenizer.get_added_tokens_decoder()) {
      if (token.special) special.set(token.content, id);
    }
    this.#special = special;
  }

  /** Special tokens by their text. */
  get specialTokens(): ReadonlyMap<string, number> {
    return this.#special;
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    if (text.length > maxTextLength) {
      throw new DomainError(
        'too-large',
        'TEXT_TOO_LONG',
        `A text may have at most ${maxTextLength} characters.`,
      );
    }
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens: options.addSpecialTokens ?? true });
    return Int32Array.from(ids);
  }

  /** Text of tokens; special tokens are left out unless asked for. */
  decode(tokens: ArrayLike<number>, options: { readonly keepSpecialTokens?: boolean } = {}): string {
    if (tokens.length === 0) return '';
    return this.#tokenizer.decode(Array.from(tokens), {
      skip_special_tokens: options.keepSpecialTokens !== true,
      clean_up_tokenization_spaces: false,
    });
  }

  /** A decoder for one answer whose tokens arrive one by one. */
  incrementalDecoder(): IncrementalDecoder {
    return new IncrementalDecoder((tokens) => this.decode(tokens));
  }

  tokenId(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  /** The stored form of a token, e.g. `Ġthe`. */
  tokenText(id: number): string | undefined {
    return this.#tokenizer.id_to_token(id);
  }

  /** The bytes that a token adds to a text: of one alone they need not be UTF-8. Undefined where there is no such token. */
  tokenBytes(id: number): Uint8Array | undefined {
    const text = this.tokenText(id);
    if (text === undefined) return undefined;
    return this.#special.has(text) ? Buffer.from(text) : this.#bytesOf(text);
  }
}
