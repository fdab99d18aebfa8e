import { type Graph, matmul, type Value } from '@openledger/onnx-graph';
import type { LoraConfig, ModelConfig, TargetModule } from '../model.js';
import { modulePath, moduleShape } from './parameters.js';

/** What an adapter adds to the output of a linear layer, or undefined where it adds nothing. */
export type Delta = (x: Value, layer: number, module: TargetModule) => Value | undefined;

export const noDelta: Delta = () => undefined;

/** Names and shapes of an adapter's tensors, in a fixed order: layer, module, A before B. */
export function loraShapes(config: ModelConfig, lora: LoraConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (let layer = 0; layer < config.layerCount; layer += 1) {
    for (const module of lora.targetModules) {
      const [out, input] = moduleShape(config, module);
      shapes.set(`${modulePath(layer, module)}.lora_A.weight`, [lora.rank, input]);
      shapes.set(`${modulePath(layer, module)}.lora_B.weight`, [out, lora.rank]);
    }
  }
  return shapes;
}

/** One adapter for the whole batch, fed on every run: (alpha / rank) · x Aᵀ Bᵀ. */
export function loraInputs(
  graph: Graph,
  config: ModelConfig,
  lora: LoraConfig,
): { readonly delta: Delta; readonly inputs: ReadonlyMap<string, Value> } {
  const inputs = new Map<string, Value>();
  for (const [name, shape] of loraShapes(config, lora)) inputs.set(name, graph.input(name, 'float32', shape));
  const alpha = lora.alpha / lora.rank;
  const delta: Delta = (x, layer, module) => {
    const a = inputs.get(`${modulePath(layer, module)}.lora_A.weight`);
    const b = inputs.get(`${modulePath(layer, module)}.lora_B.weight`);
    if (!a || !b) return undefined;
    return matmul(matmul(x, a, { transposeB: true }), b, { transposeB: true, alpha });
  };
  return { delta, inputs };
}
