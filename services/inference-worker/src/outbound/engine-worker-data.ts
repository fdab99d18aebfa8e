/** What the engine's thread is started with. */
export interface EngineWorkerData {
  readonly modelDir: string;
  readonly rowsMax: number;
  readonly prefillChunkTokens: number;
  readonly contextTokensMax: number;
  readonly adapterRankMax: number;
  readonly adapterCacheBytes: number;
  readonly threads: number;
}
