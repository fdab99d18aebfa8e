import { invariant } from '@openledger/kernel';

/** Values of one parameter tensor; its shape does not matter here. */
export interface Values {
  readonly data: Float32Array;
}

/**
 * The geometry that Adam trains in. A step along the gradient g moves the parameters by D g with
 * D = 1 / √(v̂ + ε), so the change of a query's loss by a record is g_qᵀ D g_i = z_q · z_i with
 * z = D^½ g (LESS, Xia et al. 2024, section 3; ε stands inside the root, which keeps D smooth where
 * v̂ is zero). Tensors are laid end to end in order of their names.
 */
export class AdamMetric {
  readonly size: number;
  private readonly names: readonly string[];
  /** D^½ = (v̂ + ε)^(-¼). */
  private readonly root: Float32Array;

  /** @param secondMoments Adam's second moments v̂, bias-corrected. */
  constructor(
    private readonly secondMoments: ReadonlyMap<string, Values>,
    epsilonRoot: number,
  ) {
    this.names = [...secondMoments.keys()].sort();
    this.size = this.names.reduce((size, name) => size + this.lengthOf(name), 0);
    this.root = this.flatten(secondMoments).map((moment) => (moment + epsilonRoot) ** -0.25);
  }

  /** z = D^½ g. */
  toMetric(gradients: ReadonlyMap<string, Values>): Float32Array {
    const vector = this.flatten(gradients);
    for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) * (this.root[i] ?? 0);
    return vector;
  }

  /** D^½ z = D g: the change of the parameters that belongs to z. */
  toStep(vector: Float32Array): Float32Array {
    return vector.map((value, i) => value * (this.root[i] ?? 0));
  }

  /** Tensors laid end to end. */
  flatten(tensors: ReadonlyMap<string, Values>): Float32Array {
    const vector = new Float32Array(this.size);
    let at = 0;
    for (const name of this.names) {
      const data = tensors.get(name)?.data;
      invariant(data?.length === this.lengthOf(name), `${name} differs from its second moments`);
      vector.set(data, at);
      at += data.length;
    }
    return vector;
  }

  /** The tensors of a vector, by name. */
  unflatten(vector: Float32Array): Map<string, Float32Array> {
    let at = 0;
    return new Map(
      this.names.map((name) => {
        const start = at;
        at += this.lengthOf(name);
        return [name, vector.slice(start, at)];
      }),
    );
  }

  private lengthOf(name: string): number {
    return this.secondMoments.get(name)?.data.length ?? 0;
  }
}
