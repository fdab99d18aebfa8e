import type { AdamWOptions } from '@openledger/transformer';
import type { PastStep } from './history.js';

/** Derivatives of one query's loss by the state of a training between two steps. */
export interface Adjoint {
  readonly tensors: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** At the end of a training only its tensors matter. */
export function finalAdjoint(queryGradient: Float32Array): Adjoint {
  return {
    tensors: Float64Array.from(queryGradient),
    first: new Float64Array(queryGradient.length),
    second: new Float64Array(queryGradient.length),
  };
}

/**
 * Goes back over AdamW's update (ε inside the root): with m' = β₁m + (1−β₁)g, v' = β₂v + (1−β₂)g² and
 * θ' = (1−ηλ)θ − η·m̂/√(v̂ + ε), turns the derivatives by (θ', m', v') in place into those by (θ, m, v), all but what
 * reaches θ through the gradient. (MAGIC, Ilyas & Engstrom 2025, arXiv:2504.16430, differentiates the same update.)
 *
 * @returns the derivative by the batch's gradient, before clipping.
 */
export function backOverUpdate(adjoint: Adjoint, past: PastStep, options: AdamWOptions): Float64Array {
  const { beta1, beta2, epsilonRoot, weightDecay } = options;
  const { step, learningRate, scale, gradient } = past;
  const correction1 = 1 / (1 - beta1 ** step);
  const correction2 = 1 / (1 - beta2 ** step);
  const decay = 1 - learningRate * weightDecay;
  const byGradient = new Float64Array(gradient.length);
  for (let i = 0; i < gradient.length; i++) {
    const g = (gradient[i] as number) * scale;
    const m = beta1 * (past.first[i] as number) + (1 - beta1) * g;
    const v = beta2 * (past.second[i] as number) + (1 - beta2) * g * g;
    const root = Math.sqrt(v * correction2 + epsilonRoot);
    const byTensor = adjoint.tensors[i] as number;
    const byFirst = (adjoint.first[i] as number) - (byTensor * learningRate * correction1) / root;
    const bySecond =
      (adjoint.second[i] as number) +
      (byTensor * learningRate * m * correction1 * correction2) / (2 * root ** 3);
    byGradient[i] = (1 - beta1) * byFirst + 2 * (1 - beta2) * g * bySecond;
    adjoint.tensors[i] = byTensor * decay;
    adjoint.first[i] = beta1 * byFirst;
    adjoint.second[i] = beta2 * bySecond;
  }
  if (scale < 1) backOverClipping(byGradient, gradient, scale);
  return byGradient;
}

/** g̃ = c·g/‖g‖ changes by c/‖g‖·(dg − ĝ ĝᵀ dg): what is along the gradient is cut off. */
function backOverClipping(vector: Float64Array, gradient: Float32Array, scale: number): void {
  let [along, square] = [0, 0];
  for (let i = 0; i < gradient.length; i++) {
    along += (vector[i] as number) * (gradient[i] as number);
    square += (gradient[i] as number) ** 2;
  }
  const part = square > 0 ? along / square : 0;
  for (let i = 0; i < gradient.length; i++) {
    vector[i] = scale * ((vector[i] as number) - part * (gradient[i] as number));
  }
}
