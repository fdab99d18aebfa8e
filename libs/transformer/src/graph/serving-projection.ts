import { add, type Graph, mul, split, type Value } from '@openledger/onnx-graph';
import type { ModelConfig, TargetModule, Weights } from '../model.js';
import { hasBias, type Project } from './decoder.js';
import { modulePath, moduleShape } from './parameters.js';
import type { Products } from './planned-linear.js';
import { type AddDeltas, moduleGroups } from './rank-pages.js';

export interface ProjectionParts {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly products: Products;
  readonly addDeltas: AddDeltas | undefined;
}

/** Modules of one input as one product, cut apart again after adapters have added to it. */
export function servingProjection(graph: Graph, parts: ProjectionParts): Project {
  return (x, layer, modules) => {
    const { config, products, addDeltas } = parts;
    const [first = '', ...others] = modules.map((module) => `${modulePath(layer, module)}.weight`);
    const { product, scales } = products(x, first, ...others);
    const bias = joinedBias(graph, parts, layer, modules);
    const sizes = modules.map((module) => moduleShape(config, module)[0]);
    const finish = (sum: Value): readonly Value[] => {
      const scaled = scales ? mul(sum, scales) : sum;
      const shifted = bias ? add(scaled, bias) : scaled;
      return sizes.length === 1 ? [shifted] : split(shifted, sizes, shifted.shape.length - 1);
    };
    const group = moduleGroups.findIndex((members) => members[0] === modules[0]);
    return addDeltas ? addDeltas(x, { product, scales, finish }, { layer, group }) : finish(product);
  };
}

function joinedBias(
  graph: Graph,
  { config, weights }: ProjectionParts,
  layer: number,
  modules: readonly TargetModule[],
): Value | undefined {
  if (!modules.some((module) => hasBias(config, module))) return undefined;
  const sizes = modules.map((module) => moduleShape(config, module)[0]);
  const data = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const [index, module] of modules.entries()) {
    const bias = hasBias(config, module) && weights.get(`${modulePath(layer, module)}.bias`);
    if (bias) data.set(bias.data, at);
    at += sizes[index] ?? 0;
  }
  return graph.initializer(`layers.${layer}.${modules.join('+')}.bias`, 'float32', [data.length], data);
}
