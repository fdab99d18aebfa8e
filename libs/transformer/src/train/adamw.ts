import { invariant } from '@openledger/kernel';
import type { Tensor } from '../model.js';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  /**
   * Added to the second moment inside the root (optax's `eps_root`), which keeps the update a smooth
   * function of the data; attribution of training examples needs that.
   */
  readonly epsilonRoot: number;
  /** Decoupled weight decay (Loshchilov & Hutter 2019) of matrices; vectors are not decayed. */
  readonly weightDecay: number;
}

export const defaultAdamW: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilonRoot: 1e-8, weightDecay: 0 };

/** Running means of a tensor's gradient and of its square, biased towards 0 as Adam keeps them. */
export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** AdamW over named tensors, which it changes in place. */
export class AdamW {
  readonly #moments = new Map<string, Moments>();

  constructor(
    private readonly tensors: ReadonlyMap<string, Tensor>,
    private readonly options: AdamWOptions,
  ) {
    for (const [name, { data }] of tensors) {
      this.#moments.set(name, {
        first: new Float32Array(data.length),
        second: new Float32Array(data.length),
      });
    }
  }

  /** First and second moments by tensor name, live: a checkpoint reads them, a resumed run fills them. */
  get moments(): ReadonlyMap<string, Moments> {
    return this.#moments;
  }

  /** One step; `step` counts from 1 and corrects the bias of the moments. `scale` multiplies gradients. */
  update(gradients: ReadonlyMap<string, Tensor>, step: number, learningRate: number, scale = 1): void {
    const { beta1, beta2, epsilonRoot, weightDecay } = this.options;
    const correction1 = 1 / (1 - beta1 ** step);
    const correction2 = 1 / (1 - beta2 ** step);
    for (const [name, { data, shape }] of this.tensors) {
      const g = gradients.get(name)?.data;
      const moments = this.#moments.get(name);
      invariant(g && moments && g.length === data.length, `no gradient of ${name}`);
      const { first, second } = moments;
      const decay = shape.length > 1 ? 1 - learningRate * weightDecay : 1;
      for (let i = 0; i < data.length; i += 1) {
        const gi = (g[i] as number) * scale;
        const m = beta1 * (first[i] as number) + (1 - beta1) * gi;
        const v = beta2 * (second[i] as number) + (1 - beta2) * gi * gi;
        first[i] = m;
        second[i] = v;
        const step1 = (m * correction1) / Math.sqrt(v * correction2 + epsilonRoot);
        data[i] = (data[i] as number) * decay - learningRate * step1;
      }
    }
  }
}

/** Second moments with their bias taken out, v̂ = v / (1 − β₂^step), which is what scales a step. */
export function correctedSecondMoments(
  moments: ReadonlyMap<string, Moments>,
  shapes: ReadonlyMap<string, Pick<Tensor, 'shape'>>,
  { beta2, step }: { readonly beta2: number; readonly step: number },
): Map<string, Tensor> {
  const correction = 1 - beta2 ** step;
  return new Map(
    [...moments].map(([name, { second }]) => {
      const shape = shapes.get(name)?.shape ?? [second.length];
      return [name, { shape, data: second.map((value) => value / correction) }] as const;
    }),
  );
}

/** √Σ g² over all tensors. */
export function globalNorm(gradients: ReadonlyMap<string, Tensor>): number {
  let sum = 0;
  for (const { data } of gradients.values()) {
    for (let i = 0; i < data.length; i += 1) sum += (data[i] as number) * (data[i] as number);
  }
  return Math.sqrt(sum);
}
