export { documents, readOwnSources, type Split } from './corpus/corpus.js';
export { type BytePairs, splitPieces, trainBytePairs } from './tokenizer/bpe-trainer.js';
export { specialTokens } from './tokenizer/special-tokens.js';
export {
  generationConfig,
  specialTokenCount,
  tokenizerConfig,
  tokenizerJson,
} from './tokenizer/tokenizer-files.js';
