import { DomainError } from '@openledger/kernel';
import { loraShapes } from '../graph/lora-inputs.js';
import type { LoraConfig, LoraWeights, ModelConfig, Tensor } from '../model.js';

/** An adapter ready to be served. Its identity is the object: keep one object for each digest. */
export interface ServedAdapter {
  readonly config: LoraConfig;
  readonly weights: LoraWeights;
}

/**
 * Stacks adapters into the slots of a serving graph: [slots, rank, in] and [slots, out, rank]. An
 * adapter of smaller rank or with fewer modules is filled up with zeros, which add nothing.
 */
export function stackAdapters(
  model: ModelConfig,
  slot: Omit<LoraConfig, 'alpha'>,
  adapters: readonly ServedAdapter[],
): Map<string, Tensor> {
  for (const { config } of adapters) {
    const foreign = config.targetModules.find((module) => !slot.targetModules.includes(module));
    if (config.rank > slot.rank || foreign) {
      throw new DomainError(
        'precondition',
        'ADAPTER_DOES_NOT_FIT',
        `The adapter has rank ${config.rank} on ${config.targetModules.join(', ')}; slots hold rank ${slot.rank} on ${slot.targetModules.join(', ')}.`,
      );
    }
  }
  const slots = Math.max(adapters.length, 1);
  const stacks = new Map<string, Tensor>();
  for (const [name, [rows = 1, columns = 1]] of loraShapes(model, { ...slot, alpha: 0 })) {
    const data = new Float32Array(slots * rows * columns);
    for (const [index, { weights }] of adapters.entries()) {
      const tensor = weights.get(name);
      if (tensor) place(tensor, data.subarray(index * rows * columns), columns);
    }
    stacks.set(name, { shape: [slots, rows, columns], data });
  }
  return stacks;
}

/** Copies a matrix into the top left of one with `columns` columns. */
function place(source: Tensor, target: Float32Array, columns: number): void {
  const [rows = 0, width = 0] = source.shape;
  for (let row = 0; row < rows; row += 1) {
    target.set(source.data.subarray(row * width, (row + 1) * width), row * columns);
  }
}
