import { DomainError, invariant } from '@openledger/kernel';
import type { Tensor } from '../model.js';
import type { Example } from '../run/batch.js';
import { AdamW, type AdamWOptions, correctedSecondMoments, globalNorm, type Moments } from './adamw.js';
import type { GradientSession } from './gradients.js';
import { learningRateAt, type Schedule } from './schedule.js';

/** A step about to be taken. All tensors are the optimiser's own: copy what is to be kept. */
export interface StepState {
  /** Counted from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** Σ weight · NLL / normaliser over the batch, in nats. */
  readonly loss: number;
  /** The trained tensors before the step. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Adam's moments before the step, with their bias. */
  readonly moments: ReadonlyMap<string, Moments>;
  /** Of `loss`, before clipping. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly gradientNorm: number;
  /** What clipping multiplies the gradients by; 1 where they are short enough. */
  readonly scale: number;
}

export interface StepRules {
  readonly schedule: Schedule;
  /** Gradients are scaled down to this global norm; Infinity lets them be. */
  readonly maxGradientNorm: number;
  /** What the batch's Σ weight · NLL is divided by. */
  readonly normalizer: number;
  /** Rows computed at once; a larger batch is summed over several passes to bound memory. */
  readonly rowsAtOnce?: number | undefined;
  readonly onStep?: ((state: StepState) => void | Promise<void>) | undefined;
}

export interface BatchGradients {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** Input tokens without padding. */
  readonly tokens: number;
}

/** Tensors and their optimiser on the way through a schedule; every training goes through here. */
export class Optimization {
  readonly #optimizer: AdamW;
  readonly #losses: number[] = [];

  constructor(
    private readonly session: GradientSession,
    /** Changed in place. */
    readonly tensors: ReadonlyMap<string, Tensor>,
    private readonly adamW: AdamWOptions,
  ) {
    this.#optimizer = new AdamW(tensors, adamW);
  }

  /** Steps done. */
  get step(): number {
    return this.#losses.length;
  }

  /** The loss of each step done, before it was taken. */
  get losses(): Float32Array {
    return Float32Array.from(this.#losses);
  }

  /** Goes on after the steps that had these losses; tensors and moments are the caller's to fill. */
  goOnAfter(losses: Float32Array): void {
    this.#losses.splice(0, this.#losses.length, ...losses);
  }

  get moments(): ReadonlyMap<string, Moments> {
    return this.#optimizer.moments;
  }

  /** Second moments after the steps done, bias-corrected, under the names of the tensors; copies. */
  secondMoments(): Map<string, Tensor> {
    return correctedSecondMoments(this.moments, this.tensors, { beta2: this.adamW.beta2, step: this.step });
  }

  async advance(examples: readonly Example[], rules: StepRules): Promise<StepState & { tokens: number }> {
    const { loss, gradients, tokens } = await batchGradients(this.session, this.tensors, examples, rules);
    const step = this.step + 1;
    if (!Number.isFinite(loss)) {
      throw new DomainError(
        'precondition',
        'TRAINING_DIVERGED',
        `The loss is ${loss} at step ${step}; lower the learning rate.`,
      );
    }
    const gradientNorm = globalNorm(gradients);
    const scale = Math.min(1, rules.maxGradientNorm / gradientNorm);
    const learningRate = learningRateAt(step, rules.schedule);
    const { tensors, moments } = this;
    const state = { step, learningRate, loss, tensors, moments, gradients, gradientNorm, scale };
    await rules.onStep?.(state);
    this.#optimizer.update(gradients, step, learningRate, scale);
    this.#losses.push(loss);
    return { ...state, tokens };
  }
}

/** The gradient of a batch, summed over passes of at most `rowsAtOnce` examples. */
export async function batchGradients(
  session: GradientSession,
  tensors: ReadonlyMap<string, Tensor>,
  examples: readonly Example[],
  { normalizer, rowsAtOnce: rows = examples.length }: Pick<StepRules, 'normalizer' | 'rowsAtOnce'>,
): Promise<BatchGradients> {
  const first = await session.gradients(tensors, examples.slice(0, rows), normalizer);
  let { loss, tokens } = first;
  for (let at = rows; at < examples.length; at += rows) {
    const part = await session.gradients(tensors, examples.slice(at, at + rows), normalizer);
    loss += part.loss;
    tokens += part.tokens;
    for (const [name, { data }] of first.gradients) addInto(data, part.gradients.get(name)?.data);
  }
  return { loss, tokens, gradients: first.gradients };
}

function addInto(target: Float32Array, other: Float32Array | undefined): void {
  invariant(other?.length === target.length, 'gradients of different sizes');
  for (let i = 0; i < target.length; i += 1) target[i] = (target[i] as number) + (other[i] as number);
}

/** Σ weight over the scored positions of a batch. */
export function scoredWeight(examples: readonly Example[]): number {
  let total = 0;
  for (const { labels, weights } of examples) {
    for (let t = 0; t < labels.length; t += 1) {
      if ((labels[t] ?? -1) >= 0) total += weights?.[t] ?? 1;
    }
  }
  return total;
}
