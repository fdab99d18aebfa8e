import { DomainError, invariant } from '@openledger/kernel';
import type { LoraConfig, LoraWeights, ModelConfig, Tensor, Weights } from '../model.js';
import type { Example } from '../run/batch.js';
import { type AdamWOptions, defaultAdamW, type Moments } from './adamw.js';
import type { BatchSource } from './batches.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { type GradientOptions, GradientSession } from './gradients.js';
import { initialLora, initialWeights } from './initial-weights.js';
import { Optimization, scoredWeight } from './optimization.js';
import type { Schedule } from './schedule.js';

export interface TrainerOptions extends GradientOptions {
  /** Decides the initial tensors where none are given. */
  readonly seed: number;
  /** Tensors to start from; copied. */
  readonly initial?: ReadonlyMap<string, Tensor>;
  readonly optimizer?: Partial<AdamWOptions>;
}

export interface Progress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Mean NLL over the step's scored tokens, in nats, before the step. */
  readonly loss: number;
  readonly learningRate: number;
  /** Norm of the gradient before clipping. */
  readonly gradientNorm: number;
  /** Input tokens without padding, over the last step. */
  readonly tokensPerSecond: number;
}

export interface TrainingRun {
  readonly batches: BatchSource;
  readonly schedule: Schedule;
  /** Gradients are scaled down to this global norm; Infinity lets them be. Default 1. */
  readonly maxGradientNorm?: number;
  /** Rows computed at once; a larger batch is summed over several passes to bound memory. */
  readonly microBatchRows?: number;
  /** Where to keep the state of the run; an existing one is continued. */
  readonly checkpoint?: { readonly folder: string; readonly everySteps: number };
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  /** Mean NLL over scored tokens, in nats. */
  readonly loss: number;
  readonly perplexity: number;
  readonly scoredTokens: number;
}

/** In a checkpoint, beside the tensors and their moments. */
const lossesName = 'losses';

/** Rows evaluated at once. */
const evaluationRows = 8;

/**
 * Trains an adapter or a whole model with AdamW, warm-up, cosine decay and clipping. There is no
 * dropout and no hidden randomness: the same seed, data and machine give the same weights.
 */
export class Trainer {
  private constructor(
    private readonly session: GradientSession,
    private readonly run: Optimization,
  ) {}

  /** Trains an adapter over a frozen base model. */
  static async forLora(
    base: { readonly config: ModelConfig; readonly weights: Weights },
    lora: LoraConfig,
    options: TrainerOptions,
  ): Promise<Trainer> {
    const session = await GradientSession.forLora(base.config, base.weights, lora, options);
    return Trainer.#over(session, options, () => initialLora(base.config, lora, options.seed));
  }

  /** Trains every weight of a model. */
  static async forAll(config: ModelConfig, options: TrainerOptions): Promise<Trainer> {
    const session = await GradientSession.forAll(config, options);
    return Trainer.#over(session, options, () => initialWeights(config, options.seed));
  }

  static #over(session: GradientSession, options: TrainerOptions, initial: () => LoraWeights): Trainer {
    const source = options.initial ?? initial();
    const tensors = new Map<string, Tensor>();
    for (const [name, shape] of session.trained) {
      const tensor = source.get(name);
      if (tensor?.shape.join() !== shape.join()) {
        throw new DomainError('invalid', 'INITIAL_TENSOR', `${name} must be given as [${shape.join(', ')}].`);
      }
      tensors.set(name, { shape, data: Float32Array.from(tensor.data) });
    }
    return new Trainer(
      session,
      new Optimization(session, tensors, { ...defaultAdamW, ...options.optimizer }),
    );
  }

  /** Optimiser steps done. */
  get step(): number {
    return this.run.step;
  }

  /** The trained tensors, live: steps change them in place. */
  get tensors(): ReadonlyMap<string, Tensor> {
    return this.run.tensors;
  }

  /** First and second moments of the optimiser by tensor name, live. */
  get moments(): ReadonlyMap<string, Moments> {
    return this.run.moments;
  }

  /** The loss of each step done before it was taken, in nats; an interrupted run keeps those of its past. */
  get losses(): Float32Array {
    return this.run.losses;
  }

  /** Second moments with their bias taken out, under the names of the tensors; copies. */
  secondMoments(): LoraWeights {
    return this.run.secondMoments();
  }

  /**
   * Runs the schedule to its end, from the checkpoint where there is one. When `signal` aborts, the
   * state is saved and the abort reason thrown.
   */
  async train(run: TrainingRun): Promise<void> {
    if (run.checkpoint) await this.resume(run.checkpoint.folder);
    while (this.step < run.schedule.steps) {
      if (run.signal?.aborted) {
        if (run.checkpoint) await this.save(run.checkpoint.folder);
        run.signal.throwIfAborted();
      }
      const progress = await this.#advance(run);
      await run.onProgress?.(progress);
      const due = run.checkpoint && this.step % run.checkpoint.everySteps === 0;
      if (run.checkpoint && (due || this.step === run.schedule.steps)) await this.save(run.checkpoint.folder);
    }
  }

  /** Loss on examples the trainer does not learn from. */
  async evaluate(examples: readonly Example[]): Promise<Evaluation> {
    let total = 0;
    let scoredTokens = 0;
    for (let at = 0; at < examples.length; at += evaluationRows) {
      const part = await this.session.loss(this.tensors, examples.slice(at, at + evaluationRows));
      total += part.total;
      scoredTokens += part.weightTotal;
    }
    const loss = total / scoredTokens;
    return { loss, perplexity: Math.exp(loss), scoredTokens };
  }

  /** Writes weights, moments and step so that {@link resume} goes on bit for bit. */
  async save(folder: string): Promise<void> {
    const tensors = new Map(this.tensors);
    for (const [name, { first, second }] of this.moments) {
      const shape = this.tensors.get(name)?.shape ?? [];
      tensors.set(`${name}.m`, { shape, data: first });
      tensors.set(`${name}.v`, { shape, data: second });
    }
    const { losses } = this;
    tensors.set(lossesName, { shape: [losses.length], data: losses });
    await writeCheckpoint(folder, { step: this.step, tensors });
  }

  /** Continues from a checkpoint; false where the folder has none, or one that does not know its past. */
  async resume(folder: string): Promise<boolean> {
    const checkpoint = await readCheckpoint(folder);
    const losses = checkpoint?.tensors.get(lossesName)?.data;
    if (!checkpoint || losses?.length !== checkpoint.step) return false;
    const fill = (target: Float32Array, name: string): void => {
      const data = checkpoint.tensors.get(name)?.data;
      if (data?.length !== target.length) {
        throw new DomainError(
          'conflict',
          'CHECKPOINT_MISMATCH',
          `${folder} is a checkpoint of another model.`,
        );
      }
      target.set(data);
    };
    for (const [name, { data }] of this.tensors) {
      const moments = this.moments.get(name);
      invariant(moments, `no moments of ${name}`);
      fill(data, name);
      fill(moments.first, `${name}.m`);
      fill(moments.second, `${name}.v`);
    }
    this.run.goOnAfter(losses);
    return true;
  }

  /** Frees the compiled graph. */
  async release(): Promise<void> {
    await this.session.release();
  }

  async #advance(run: TrainingRun): Promise<Progress> {
    const started = performance.now();
    const examples = run.batches(this.step);
    const { step, loss, learningRate, gradientNorm, tokens } = await this.run.advance(examples, {
      schedule: run.schedule,
      maxGradientNorm: run.maxGradientNorm ?? 1,
      normalizer: scoredWeight(examples),
      rowsAtOnce: run.microBatchRows,
    });
    const tokensPerSecond = (1000 * tokens) / (performance.now() - started);
    return { step, steps: run.schedule.steps, loss, learningRate, gradientNorm, tokensPerSecond };
  }
}
