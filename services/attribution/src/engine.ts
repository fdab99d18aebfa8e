/** The arithmetic of attribution, for benchmarks. */
export { suffixArray } from './domain/suffix-array.js';
