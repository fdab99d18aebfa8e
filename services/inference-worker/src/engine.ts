export type { AdapterReference, GenerationPiece, GenerationRequest } from './application/generation.js';
export { plainSampling, type Sampling } from './domain/sampling.js';
export { EngineThread, type EngineThreadOptions } from './outbound/engine-thread.js';
