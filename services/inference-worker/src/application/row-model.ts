import type { ModelConfig, TextTokenizer } from '@openledger/transformer';
import { Grammars } from '../domain/json-grammar/grammars.js';
import { Vocabulary } from '../domain/json-grammar/vocabulary.js';
import { TokenSampler } from '../domain/token-sampler.js';
import type { RowModel } from './batch-row.js';

export interface RowModelOptions {
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer;
  readonly eosTokenIds: readonly number[];
  readonly contextTokens: number;
}

/** What all answers of a model share. Takes some 0.3 s for a vocabulary of 150,000. */
export function rowModel({ config, tokenizer, eosTokenIds, contextTokens }: RowModelOptions): RowModel {
  const { vocabSize } = config;
  const ends = new Set(eosTokenIds);
  const special = new Set(tokenizer.specialTokens.values());
  // A special token has no text in an answer.
  const bytesOf = (token: number) => (special.has(token) ? undefined : tokenizer.tokenBytes(token));
  const texts = Array.from({ length: vocabSize }, (_, token) =>
    ends.has(token) ? undefined : bytesOf(token),
  );
  return {
    decoder: () => tokenizer.incrementalDecoder(),
    eosTokenIds: ends,
    contextTokens,
    sampler: new TokenSampler(vocabSize),
    grammars: new Grammars(new Vocabulary(texts, vocabSize), bytesOf, ends),
  };
}
