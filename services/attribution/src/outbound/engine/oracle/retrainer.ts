import type { QueryLosses } from './query-losses.js';
import type { RetrainCache } from './retrain-cache.js';
import type { TrainedRun } from './trained-run.js';

/**
 * What the queries' losses would be if the training had had other data: trains again with weighted examples. The same
 * recipe, data and weights give the same numbers, so results can be kept.
 */
export class Retrainer {
  /** Duration of the last retrain that was not found in the cache; undefined before the first. */
  secondsPerRetrain: number | undefined;

  constructor(
    readonly trained: TrainedRun,
    private readonly queryLosses: QueryLosses,
    private readonly cache?: RetrainCache,
  ) {}

  /** Σ weight · NLL of each query, nats, after a training with these weights of the examples. */
  async losses(weights: ArrayLike<number>, signal?: AbortSignal): Promise<Float64Array> {
    signal?.throwIfAborted();
    const kept = await this.cache?.read(weights);
    if (kept) return kept;
    const losses = await this.retrained(weights, signal);
    await this.cache?.write(weights, losses);
    return losses;
  }

  private async retrained(
    weights: ArrayLike<number>,
    signal: AbortSignal | undefined,
  ): Promise<Float64Array> {
    // Without data nothing moves the adapter from its start: B is zero, and what decay takes off A does not show.
    if (Array.from(weights).every((weight) => weight === 0)) return this.queryLosses.untrained();
    const started = performance.now();
    const { tensors } = await this.trained.run.train({ weights, ...(signal ? { signal } : {}) });
    const losses = await this.queryLosses.of(tensors);
    this.secondsPerRetrain = (performance.now() - started) / 1000;
    return losses;
  }
}
