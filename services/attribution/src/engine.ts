/** The arithmetic of attribution, for benchmarks. */
export type { SpanOptions, TokenSpan } from './domain/spans/find-spans.js';
export type { SpanDocument } from './domain/spans/shard.js';
export { encodeShard } from './domain/spans/shard-file.js';
export { SpanIndex } from './domain/spans/span-index.js';
export { suffixArray } from './domain/spans/suffix-array.js';
