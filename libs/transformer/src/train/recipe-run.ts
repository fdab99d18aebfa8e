import { setImmediate as nextTurn } from 'node:timers/promises';
import { DomainError } from '@openledger/kernel';
import type { LoraConfig, LoraWeights, ModelConfig, Tensor, Weights } from '../model.js';
import type { Example } from '../run/batch.js';
import type { SessionOptions } from '../run/session.js';
import type { AdamWOptions } from './adamw.js';
import { shuffledOrder } from './batches.js';
import { GradientSession } from './gradients.js';
import { initialLora } from './initial-weights.js';
import {
  type BatchGradients,
  batchGradients,
  Optimization,
  type StepState,
  scoredWeight,
} from './optimization.js';
import { learningRateAt, type Schedule } from './schedule.js';

/** All that decides an adapter, beside the base model, the examples in their order, and the thread count. */
export interface TrainingRecipe {
  readonly lora: LoraConfig;
  /** Of the initial tensors and of the order. */
  readonly seed: number;
  readonly batchRows: number;
  readonly schedule: Schedule;
  readonly optimizer: AdamWOptions;
  /** Global norm that gradients are scaled down to; null lets them be. */
  readonly maxGradientNorm: number | null;
  /** Longest example. */
  readonly maxTokens: number;
}

export interface Retraining {
  /**
   * Weight of each example, 1 where absent. Batches keep the normaliser of weights that are all 1, so that
   * 0 is what the example's removal means to the others: nothing but its absence.
   */
  readonly weights?: ArrayLike<number>;
  /** Told of each step before it is taken. */
  readonly onStep?: (state: StepState) => void | Promise<void>;
  /** Stops before the next step; its reason is thrown. */
  readonly signal?: AbortSignal;
}

export interface RetrainedAdapter {
  readonly tensors: LoraWeights;
  /** Bias-corrected, v̂. */
  readonly secondMoments: LoraWeights;
}

/**
 * Trains an adapter from its start, again and again, with examples weighted as asked, over one compiled
 * graph. With the same seed, examples and thread count on the same machine the tensors are those of the
 * trainer to the bit: both take the same steps. Steps are counted from 1.
 */
export class RecipeRun {
  readonly #order: (step: number) => readonly number[];

  private constructor(
    private readonly config: ModelConfig,
    private readonly recipe: TrainingRecipe,
    private readonly examples: readonly Example[],
    private readonly session: GradientSession,
  ) {
    this.#order = shuffledOrder(examples.length, recipe.batchRows, recipe.seed);
  }

  static async open(
    base: { readonly config: ModelConfig; readonly weights: Weights },
    recipe: TrainingRecipe,
    examples: readonly Example[],
    options: SessionOptions = {},
  ): Promise<RecipeRun> {
    const limits = { ...options, maxLength: recipe.maxTokens };
    const session = await GradientSession.forLora(base.config, base.weights, recipe.lora, limits);
    return new RecipeRun(base.config, recipe, examples, session);
  }

  get steps(): number {
    return this.recipe.schedule.steps;
  }

  /** Names and shapes of the trained tensors. */
  get shapes(): ReadonlyMap<string, readonly number[]> {
    return this.session.trained;
  }

  learningRate(step: number): number {
    return learningRateAt(step, this.recipe.schedule);
  }

  /** The examples of a step, by their indices. */
  batch(step: number): readonly number[] {
    return this.#order(step - 1);
  }

  /** What the Σ weight · NLL of a step's batch is divided by. */
  normalizer(step: number): number {
    return scoredWeight(this.#examplesOf(step));
  }

  /** Runs the whole recipe. */
  async train({ weights, onStep, signal }: Retraining = {}): Promise<RetrainedAdapter> {
    this.#checkWeights(weights);
    const { lora, seed, schedule, optimizer, maxGradientNorm } = this.recipe;
    const tensors = initialLora(this.config, lora, seed);
    const run = new Optimization(this.session, tensors, optimizer);
    for (let step = 1; step <= schedule.steps; step += 1) {
      // Lets the one in who may abort.
      await nextTurn();
      signal?.throwIfAborted();
      await run.advance(this.#examplesOf(step, weights), {
        schedule,
        maxGradientNorm: maxGradientNorm ?? Number.POSITIVE_INFINITY,
        normalizer: this.normalizer(step),
        onStep,
      });
    }
    return { tensors, secondMoments: run.secondMoments() };
  }

  /** Loss and gradient of a step's batch at any tensors, as the step itself would take them, before clipping. */
  async gradients(
    step: number,
    tensors: ReadonlyMap<string, Tensor>,
    weights?: ArrayLike<number>,
  ): Promise<BatchGradients> {
    this.#checkWeights(weights);
    const rules = { normalizer: this.normalizer(step) };
    return batchGradients(this.session, tensors, this.#examplesOf(step, weights), rules);
  }

  /** Frees the compiled graph. */
  async release(): Promise<void> {
    await this.session.release();
  }

  #examplesOf(step: number, weights?: ArrayLike<number>): Example[] {
    return this.batch(step).flatMap((index) => {
      const example = this.examples[index];
      return example ? [weighted(example, weights?.[index] ?? 1)] : [];
    });
  }

  #checkWeights(weights: ArrayLike<number> | undefined): void {
    if (!weights) return;
    if (weights.length !== this.examples.length || !Array.from(weights).every(Number.isFinite)) {
      throw new DomainError(
        'invalid',
        'EXAMPLE_WEIGHTS',
        `${this.examples.length} examples take as many finite weights; ${weights.length} were given.`,
      );
    }
  }
}

function weighted(example: Example, weight: number): Example {
  if (weight === 1) return example;
  const { labels, weights } = example;
  return { ...example, weights: Float32Array.from(labels, (_, t) => weight * (weights?.[t] ?? 1)) };
}
