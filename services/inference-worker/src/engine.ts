export type { AdapterNote } from './application/adapter-messages.js';
export type { AdapterReference, GenerationPiece, GenerationRequest } from './application/generation.js';
export { plainSampling, type Sampling } from './domain/sampling.js';
export { EngineThread, type EngineThreadOptions } from './outbound/engine-thread.js';
export { LoaderThread } from './outbound/loader-thread.js';
