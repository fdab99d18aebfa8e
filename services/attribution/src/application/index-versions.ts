import type { AttributionEngine, ModelVersion } from './ports.js';
import type { WorkKey, WorkStore } from './store-port.js';
import type { Attempts, WorkKind } from './work.js';

export interface IndexVersionsParts {
  readonly store: WorkStore;
  readonly engine: AttributionEngine;
  readonly attempts: Attempts;
  /** Whether a deep audit follows. */
  readonly isAudited: boolean;
  readonly onError: (error: unknown) => void;
}

/** Builds the index of each deployed version. */
export class IndexVersions implements WorkKind {
  constructor(private readonly parts: IndexVersionsParts) {}

  async next(signal: AbortSignal): Promise<boolean> {
    const claimed = await this.parts.store.claimVersion();
    if (!claimed) return false;
    const { work: version, attempt } = claimed;
    const { modelId, adapterDigest } = version;
    const key: WorkKey = { kind: 'version', modelId, adapterDigest };
    await this.parts.attempts.run({ key, attempt, work: () => this.index(version, signal) }, signal);
    return true;
  }

  private async index(version: ModelVersion, signal: AbortSignal): Promise<void> {
    const { store, engine, isAudited, onError } = this.parts;
    const summary = await engine.index(version, {
      signal,
      onProgress: (progress) => {
        store.saveProgress(version, progress).catch(onError);
      },
    });
    // Of nothing, nothing can be audited.
    await store.saveIndex(version, summary, isAudited && summary.records > 0);
  }
}
