/** The arithmetic of attribution, for benchmarks. */
export type { SpanOptions, TokenSpan } from './domain/spans/find-spans.js';
export type { SpanDocument } from './domain/spans/shard.js';
export { encodeShard } from './domain/spans/shard-file.js';
export { SpanIndex } from './domain/spans/span-index.js';
export { suffixArray } from './domain/spans/suffix-array.js';
export { natsOf, type QuantisedQuery, quantiseQuery } from './domain/vectors/quantise.js';
export { scanKernel, scanKernelModule } from './domain/vectors/scan-kernel.js';
export { ROWS_AT, ScanMemory } from './domain/vectors/scan-memory.js';
export type { GroupSums } from './outbound/engine/vectors/group-sums.js';
export { ScanThreads } from './outbound/engine/vectors/scan-threads.js';
export { VectorIndex } from './outbound/engine/vectors/vector-index.js';
