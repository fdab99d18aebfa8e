import { loraShapes } from '../graph/lora-inputs.js';
import { weightShapes } from '../graph/parameters.js';
import type { LoraConfig, LoraWeights, ModelConfig, Tensor } from '../model.js';
import { normal, seededRandom } from './random.js';

/** Standard deviation of Llama-family matrices before training (`initializer_range`). */
const initialDeviation = 0.02;

/**
 * Weights of an untrained model: N(0, 0.02²) for matrices, with the two projections that write to the
 * residual stream divided by √(2 layers) (Radford et al. 2019), 1 for norms, 0 for biases.
 */
export function initialWeights(config: ModelConfig, seed: number): Map<string, Tensor> {
  const random = seededRandom(seed);
  const residual = initialDeviation / Math.sqrt(2 * config.layerCount);
  const weights = new Map<string, Tensor>();
  for (const [name, shape] of weightShapes(config)) {
    const data = new Float32Array(sizeOfShape(shape));
    if (name.endsWith('norm.weight')) data.fill(1);
    else if (!name.endsWith('.bias')) {
      const writes = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
      const deviation = writes ? residual : initialDeviation;
      for (let index = 0; index < data.length; index += 1) data[index] = deviation * normal(random);
    }
    weights.set(name, { shape, data });
  }
  return weights;
}

/**
 * An adapter that changes nothing yet, as PEFT makes it: A ~ U(±1/√in) (Kaiming uniform with a = √5)
 * and B = 0.
 */
export function initialLora(config: ModelConfig, lora: LoraConfig, seed: number): LoraWeights {
  const random = seededRandom(seed);
  const weights: LoraWeights = new Map();
  for (const [name, shape] of loraShapes(config, lora)) {
    const data = new Float32Array(sizeOfShape(shape));
    if (name.endsWith('lora_A.weight')) {
      const bound = 1 / Math.sqrt(shape[1] ?? 1);
      for (let index = 0; index < data.length; index += 1) data[index] = bound * (2 * random() - 1);
    }
    weights.set(name, { shape, data });
  }
  return weights;
}

function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
