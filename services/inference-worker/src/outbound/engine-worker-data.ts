import type { KernelSettings } from './open-session.js';

/** What the engine's thread is started with. */
export interface EngineWorkerData {
  readonly modelDir: string;
  readonly rowsMax: number;
  readonly prefillChunkTokens: number;
  readonly contextTokensMax: number;
  /** Keys and values of all rows together. */
  readonly kvCacheBytes: number;
  /** Keys and values of prompts read earlier. */
  readonly prefixCacheBytes: number;
  /** Pages of rank 8 that adapters of running requests share. */
  readonly adapterPages: number;
  readonly adapterCacheBytes: number;
  readonly threads: number;
  readonly kernels: KernelSettings;
}
