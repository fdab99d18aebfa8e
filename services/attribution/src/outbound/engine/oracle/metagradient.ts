import { invariant } from '@openledger/kernel';
import {
  type Example,
  ExampleGradients,
  flatten,
  type LoraWeights,
  unflatten,
} from '@openledger/transformer';
import { type Adjoint, backOverUpdate, finalAdjoint } from './adjoint.js';
import type { PastStep, TrainingHistory } from './history.js';
import { parametersOf, type TrainedRun } from './trained-run.js';

/**
 * Length of a finite-difference step, relative to the tensors. Against retrains of a tiny model the effects are off by
 * 0.02 to 0.05 % at 1e-3 to 3e-3, 0.1 % at 1e-2, 0.5 % at 3e-2 and 6 % at 1e-1, where curvature comes in; shorter ones
 * drown in float32 sooner the larger the model.
 */
const RELATIVE_STEP = 3e-3;
/** Adjoints of the queries that are walked back together. */
const ADJOINT_BYTES_MAX = 512 * 2 ** 20;

export interface MetagradientOptions {
  readonly signal?: AbortSignal;
  /** Told of steps walked back, over all queries. */
  readonly onProgress?: (done: number, all: number) => void;
  readonly relativeStep?: number;
}

/**
 * How a training would have come out with other data: the derivative of each query's loss (Σ weight · NLL, nats) by
 * the weight of every example, through all steps of the training (MAGIC, Ilyas & Engstrom 2025). The adjoint of the
 * optimiser's state is exact; the product of the loss's Hessian with it is the difference of two gradients at
 * θ ± h·u, so nothing but the training's own graph is needed: two gradients a step and query, and one of each
 * example a step for all queries.
 *
 * @returns one row a query, one number an example; negative where more of the example would lower the loss.
 */
export async function metagradients(
  trained: TrainedRun,
  history: TrainingHistory,
  queries: readonly Example[],
  options: MetagradientOptions = {},
): Promise<Float64Array[]> {
  const { base, recipe, run } = trained;
  const limits = { ...trained.options, maxLength: recipe.maxTokens };
  const gradients = await ExampleGradients.forLora(base.config, base.weights, recipe.lora, limits);
  try {
    const walk = new BackwardsWalk(trained, gradients, options.relativeStep ?? RELATIVE_STEP);
    const atOnce = queriesAtOnce(parametersOf(trained));
    const all = run.steps * Math.ceil(queries.length / atOnce);
    const effects: Float64Array[] = [];
    let done = 0;
    for (let at = 0; at < queries.length; at += atOnce) {
      await walk.begin(queries.slice(at, at + atOnce), history.final);
      for await (const past of history.backwards()) {
        await walk.over(past, options.signal);
        done += 1;
        options.onProgress?.(done, all);
      }
      effects.push(...walk.effects);
    }
    return effects;
  } finally {
    await gradients.release();
  }
}

class BackwardsWalk {
  private adjoints: Adjoint[] = [];
  effects: Float64Array[] = [];
  private readonly plus: Float32Array;
  private readonly minus: Float32Array;
  private readonly plusTensors: LoraWeights;
  private readonly minusTensors: LoraWeights;

  constructor(
    private readonly trained: TrainedRun,
    private readonly gradients: ExampleGradients,
    private readonly relativeStep: number,
  ) {
    const { shapes } = trained.run;
    this.plus = new Float32Array(parametersOf(trained));
    this.minus = new Float32Array(parametersOf(trained));
    this.plusTensors = unflatten(shapes, this.plus);
    this.minusTensors = unflatten(shapes, this.minus);
  }

  async begin(queries: readonly Example[], final: Float32Array): Promise<void> {
    const { rows } = await this.gradients.of(unflatten(this.trained.run.shapes, final), queries);
    const size = final.length;
    this.adjoints = queries.map((_, q) => finalAdjoint(rows.subarray(q * size, (q + 1) * size)));
    this.effects = queries.map(() => new Float64Array(this.trained.examples.length));
  }

  async over(past: PastStep, signal: AbortSignal | undefined): Promise<void> {
    const { run, examples, recipe } = this.trained;
    const batch = run.batch(past.step);
    const normalizer = run.normalizer(past.step);
    const members = batch.flatMap((index) => examples[index] ?? []);
    const { rows } = await this.gradients.of(unflatten(run.shapes, past.tensors), members);
    const size = past.tensors.length;
    for (const [q, adjoint] of this.adjoints.entries()) {
      signal?.throwIfAborted();
      const direction = backOverUpdate(adjoint, past, recipe.optimizer);
      const effects = this.effects[q];
      invariant(effects, 'every query has its effects');
      for (const [row, index] of batch.entries()) {
        const change = inner(rows, row * size, direction) / normalizer;
        effects[index] = (effects[index] ?? 0) + change;
      }
      await this.addHessianProduct(adjoint.tensors, past, direction);
    }
  }

  /** Adds H·u = (∇L(θ + h·u) − ∇L(θ − h·u)) / 2h of the step's loss. */
  private async addHessianProduct(sum: Float64Array, past: PastStep, direction: Float64Array): Promise<void> {
    const { run } = this.trained;
    const length = Math.sqrt(inner(direction, 0, direction));
    if (length === 0) return;
    const h = (this.relativeStep * Math.sqrt(inner(past.tensors, 0, past.tensors))) / length;
    for (let i = 0; i < direction.length; i++) {
      const change = h * (direction[i] as number);
      this.plus[i] = (past.tensors[i] as number) + change;
      this.minus[i] = (past.tensors[i] as number) - change;
    }
    const ahead = flatten(run.shapes, (await run.gradients(past.step, this.plusTensors)).gradients);
    const behind = flatten(run.shapes, (await run.gradients(past.step, this.minusTensors)).gradients);
    for (let i = 0; i < sum.length; i++) {
      sum[i] = (sum[i] as number) + ((ahead[i] as number) - (behind[i] as number)) / (2 * h);
    }
  }
}

/** Three vectors of double precision a query. */
function queriesAtOnce(parameters: number): number {
  return Math.max(1, Math.floor(ADJOINT_BYTES_MAX / (3 * parameters * Float64Array.BYTES_PER_ELEMENT)));
}

/** Inner product of `two` with as many numbers of `one` from `start`. */
function inner(one: Float32Array | Float64Array, start: number, two: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < two.length; i++) sum += (one[start + i] as number) * (two[i] as number);
  return sum;
}
