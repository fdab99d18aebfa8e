import { DomainError, invariant } from '@openledger/kernel';
import { concat, type Graph, matmul, type Value } from '@openledger/onnx-graph';
import type { ModelConfig, TargetModule, Weights } from '../model.js';

/** Gives the graph value of a weight by its Hugging Face name; asked once for every use. */
export type Parameters = (name: string) => Value;

/**
 * x · Wᵀ for the weight W ([out, in]) of that name. Several weights with the same input are one layer
 * whose outputs lie side by side: one product where the kernel allows it.
 */
export type Linear = (x: Value, ...names: readonly [string, ...string[]]) => Value;

/** Linear layers in the precision of the weights, each a product of its own. */
export function plainLinear(parameters: Parameters): Linear {
  return (x, ...names) => sideBySide(names.map((name) => matmul(x, parameters(name), { transposeB: true })));
}

/** Joins results of layers with the same input along the last axis. */
export function sideBySide(parts: readonly Value[]): Value {
  const [first] = parts;
  invariant(first, 'no layers to join');
  return parts.length === 1 ? first : concat(parts, first.shape.length - 1);
}

/** Frozen weights, stored in the graph as constants. */
export function constantParameters(graph: Graph, config: ModelConfig, weights: Weights): Parameters {
  const shapes = weightShapes(config);
  return remembered((name) => {
    const shape = shapes.get(name) ?? [];
    const tensor = weights.get(name);
    if (!tensor) {
      throw new DomainError('invalid', 'MODEL_WEIGHT_MISSING', `The model has no weight ${name}.`);
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new DomainError(
        'invalid',
        'MODEL_WEIGHT_SHAPE',
        `${name} has shape [${tensor.shape.join(', ')}]; its config says [${shape.join(', ')}].`,
      );
    }
    return graph.initializer(name, 'float32', shape, tensor.data);
  });
}

/** Trainable weights, fed on every run. */
export function inputParameters(graph: Graph, config: ModelConfig): Parameters {
  const shapes = weightShapes(config);
  return remembered((name) => graph.input(name, 'float32', shapes.get(name) ?? []));
}

function remembered(make: (name: string) => Value): Parameters {
  const known = new Map<string, Value>();
  return (name) => {
    let value = known.get(name);
    if (!value) {
      value = make(name);
      known.set(name, value);
    }
    return value;
  };
}

/** Where a module lives inside its layer. */
export function modulePath(layer: number, module: TargetModule): string {
  const part = module.endsWith('proj') && 'qkvo'.includes(module.charAt(0)) && module.length === 6;
  return `model.layers.${layer}.${part ? 'self_attn' : 'mlp'}.${module}`;
}

/** [out, in] of a linear layer. */
export function moduleShape(config: ModelConfig, module: TargetModule): readonly [number, number] {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headDim } = config;
  switch (module) {
    case 'q_proj':
      return [headCount * headDim, hiddenSize];
    case 'k_proj':
    case 'v_proj':
      return [kvHeadCount * headDim, hiddenSize];
    case 'o_proj':
      return [hiddenSize, headCount * headDim];
    case 'gate_proj':
    case 'up_proj':
      return [intermediateSize, hiddenSize];
    case 'down_proj':
      return [hiddenSize, intermediateSize];
  }
}

/** The weight that turns hidden states into logits. */
export function headWeight({ tieEmbeddings }: Pick<ModelConfig, 'tieEmbeddings'>): string {
  return tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
}

/** Every weight a model of this configuration has, with its shape, in a fixed order. */
export function weightShapes(config: ModelConfig): ReadonlyMap<string, readonly number[]> {
  const { vocabSize, hiddenSize, headDim } = config;
  const shapes = new Map<string, readonly number[]>([['model.embed_tokens.weight', [vocabSize, hiddenSize]]]);
  for (let layer = 0; layer < config.layerCount; layer += 1) {
    const prefix = `model.layers.${layer}`;
    shapes.set(`${prefix}.input_layernorm.weight`, [hiddenSize]);
    for (const module of ['q_proj', 'k_proj', 'v_proj'] as const) {
      const [out, input] = moduleShape(config, module);
      shapes.set(`${modulePath(layer, module)}.weight`, [out, input]);
      if (config.attentionBias) shapes.set(`${modulePath(layer, module)}.bias`, [out]);
    }
    if (config.qkNorm) {
      shapes.set(`${prefix}.self_attn.q_norm.weight`, [headDim]);
      shapes.set(`${prefix}.self_attn.k_norm.weight`, [headDim]);
    }
    shapes.set(`${modulePath(layer, 'o_proj')}.weight`, moduleShape(config, 'o_proj'));
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [hiddenSize]);
    for (const module of ['gate_proj', 'up_proj', 'down_proj'] as const) {
      shapes.set(`${modulePath(layer, module)}.weight`, moduleShape(config, module));
    }
  }
  shapes.set('model.norm.weight', [hiddenSize]);
  if (!config.tieEmbeddings) shapes.set('lm_head.weight', [vocabSize, hiddenSize]);
  return shapes;
}
