import { type Example, initialLora, type LoraWeights, Scorer } from '@openledger/transformer';
import type { Training } from './trained-run.js';

/** Losses of fixed queries under any adapter of one training's shape. */
export class QueryLosses {
  private constructor(
    private readonly training: Training,
    private readonly queries: readonly Example[],
    private readonly scorer: Scorer,
  ) {}

  static async open(training: Training, queries: readonly Example[]): Promise<QueryLosses> {
    const { base, recipe, options } = training;
    const limits = { ...options, maxLength: recipe.maxTokens, lora: recipe.lora };
    return new QueryLosses(training, queries, await Scorer.open(base.config, base.weights, limits));
  }

  /** Σ weight · NLL of each query, nats. */
  async of(tensors: LoraWeights): Promise<Float64Array> {
    const logProbabilities = await this.scorer.logProbabilities(this.queries, tensors);
    return Float64Array.from(logProbabilities, (values, q) => {
      const weights = scoredWeights(this.queries[q]);
      return values.reduce((loss, value, at) => loss - value * (weights[at] ?? 1), 0);
    });
  }

  /** With the adapter as it is before any training, which is the base model. */
  async untrained(): Promise<Float64Array> {
    const { base, recipe } = this.training;
    return this.of(initialLora(base.config, recipe.lora, recipe.seed));
  }

  async release(): Promise<void> {
    await this.scorer.release();
  }
}

/** Scored tokens of an example. */
export const scoredTokens = (example: Example): number => scoredWeights(example).length;

function scoredWeights(example: Example | undefined): number[] {
  const weights: number[] = [];
  for (let t = 0; t < (example?.labels.length ?? 0); t++) {
    if ((example?.labels[t] ?? -1) >= 0) weights.push(example?.weights?.[t] ?? 1);
  }
  return weights;
}
