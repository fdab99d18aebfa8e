export { Grammars } from './domain/json-grammar/grammars.js';
export { Vocabulary } from './domain/json-grammar/vocabulary.js';
export { logProbabilities } from './domain/log-probabilities.js';
export { plainSampling, type Sampling } from './domain/sampling.js';
export { TokenHistory } from './domain/token-history.js';
export { TokenSampler } from './domain/token-sampler.js';
