import { type Example, initialLora, type LoraWeights, Scorer } from '@openledger/transformer';
import type { RetrainCache } from './retrain-cache.js';
import type { TrainedRun } from './trained-run.js';

/**
 * What the queries' losses would be if the training had had other data: trains again with weighted examples. The same
 * recipe, data and weights give the same numbers, so results can be kept.
 */
export class Retrainer {
  /** Duration of the last retrain that was not found in the cache; undefined before the first. */
  secondsPerRetrain: number | undefined;

  private constructor(
    private readonly trained: TrainedRun,
    private readonly queries: readonly Example[],
    private readonly scorer: Scorer,
    private readonly cache: RetrainCache | undefined,
  ) {}

  static async open(
    trained: TrainedRun,
    queries: readonly Example[],
    cache?: RetrainCache,
  ): Promise<Retrainer> {
    const { base, recipe, options } = trained;
    const limits = { ...options, maxLength: recipe.maxTokens, lora: recipe.lora };
    return new Retrainer(trained, queries, await Scorer.open(base.config, base.weights, limits), cache);
  }

  /** Σ weight · NLL of each query, nats, after a training with these weights of the examples. */
  async losses(weights: ArrayLike<number>, signal?: AbortSignal): Promise<Float64Array> {
    const kept = await this.cache?.read(weights);
    if (kept) return kept;
    const started = performance.now();
    const losses = await this.lossesOf(await this.tensorsOf(weights, signal));
    if (!isEmpty(weights)) this.secondsPerRetrain = (performance.now() - started) / 1000;
    await this.cache?.write(weights, losses);
    return losses;
  }

  /** Σ weight · NLL of each query, nats, with an adapter as it is. */
  async lossesOf(tensors: LoraWeights): Promise<Float64Array> {
    const logProbabilities = await this.scorer.logProbabilities(this.queries, tensors);
    return Float64Array.from(logProbabilities, (values, q) => {
      const weights = scoredWeights(this.queries[q]);
      return values.reduce((loss, value, at) => loss - value * (weights[at] ?? 1), 0);
    });
  }

  async release(): Promise<void> {
    await this.scorer.release();
  }

  /** Without data nothing moves the adapter from its start, which is the base model; only decay would. */
  private async tensorsOf(weights: ArrayLike<number>, signal: AbortSignal | undefined): Promise<LoraWeights> {
    const { run, recipe, base } = this.trained;
    signal?.throwIfAborted();
    if (isEmpty(weights)) return initialLora(base.config, recipe.lora, recipe.seed);
    return (await run.train({ weights, ...(signal ? { signal } : {}) })).tensors;
  }
}

/** Scored tokens of an example. */
export const scoredTokens = (example: Example): number => scoredWeights(example).length;

const isEmpty = (weights: ArrayLike<number>): boolean => Array.from(weights).every((weight) => weight === 0);

function scoredWeights(example: Example | undefined): number[] {
  const weights: number[] = [];
  for (let t = 0; t < (example?.labels.length ?? 0); t++) {
    if ((example?.labels[t] ?? -1) >= 0) weights.push(example?.weights?.[t] ?? 1);
  }
  return weights;
}
