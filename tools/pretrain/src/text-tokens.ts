import { Tokenizer } from '@huggingface/tokenizers';
import { documents, type Split } from './corpus/corpus.js';
import type { Sources } from './corpus/word-lists.js';
import type { Plan } from './plan.js';
import { trainBytePairs } from './tokenizer/bpe-trainer.js';
import { specialTokens } from './tokenizer/special-tokens.js';
import { specialTokenCount, tokenizerConfig, tokenizerJson } from './tokenizer/tokenizer-files.js';

/** Documents that the tokenizer is trained on; more do not change its merges noticeably. */
const tokenizerDocuments = 12_000;

export interface TokenizerFiles {
  readonly json: object;
  readonly config: object;
}

export function makeTokenizer(plan: Plan, sources: Sources): TokenizerFiles {
  const marks = Object.values(specialTokens).map((token) => token.replaceAll('|', '\\|'));
  const apart = new RegExp(marks.join('|'));
  const texts = function* (): Generator<string> {
    const count = Math.min(tokenizerDocuments, plan.trainingDocuments);
    for (const document of documents(sources, 'train', count)) yield* document.split(apart);
  };
  const pairs = trainBytePairs(texts(), plan.vocabularySize - specialTokenCount);
  return { json: tokenizerJson(pairs), config: tokenizerConfig(plan.model.maxPositions) };
}

/** All documents of a split as one stream, each opened by the token that also begins a prompt. */
export function tokenStream(
  sources: Sources,
  tokenizer: Tokenizer,
  part: { readonly split: Split; readonly count: number },
): Uint16Array {
  const ids: number[] = [];
  for (const document of documents(sources, part.split, part.count)) {
    for (const id of tokenizer.encode(document, { add_special_tokens: true }).ids) ids.push(id);
  }
  return Uint16Array.from(ids);
}
