import { add, type Graph, split, type Value } from '@openledger/onnx-graph';
import type { ModelConfig, TargetModule, Weights } from '../model.js';
import { hasBias, type Project } from './decoder.js';
import { type Linear, modulePath, moduleShape, type Parameters } from './parameters.js';
import type { PrecisionPlan } from './precision.js';
import { type AddDeltas, moduleGroups } from './rank-pages.js';

export interface ProjectionParts {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly parameters: Parameters;
  readonly plan: PrecisionPlan;
  readonly linear: Linear;
  readonly addDeltas: AddDeltas | undefined;
}

/** Modules of one input as one product where their kernel can join them, cut apart again afterwards. */
export function servingProjection(graph: Graph, parts: ProjectionParts): Project {
  return (x, layer, modules) => {
    const base = joins(parts.plan, layer, modules)
      ? together(graph, parts, { x, layer, modules })
      : apart(parts, { x, layer, modules });
    const group = moduleGroups.findIndex((members) => members[0] === modules[0]);
    return parts.addDeltas ? parts.addDeltas(x, base, { layer, group }) : base(graph);
  };
}

interface Site {
  readonly x: Value;
  readonly layer: number;
  readonly modules: readonly TargetModule[];
}

type Outputs = (body: Graph) => readonly Value[];

const weightName = (layer: number, module: TargetModule): string => `${modulePath(layer, module)}.weight`;

function joins(plan: PrecisionPlan, layer: number, modules: readonly TargetModule[]): boolean {
  const [first, ...others] = modules.map((module) => plan.get(weightName(layer, module)));
  return first !== 'float32' && others.length > 0 && others.every((precision) => precision === first);
}

function together(graph: Graph, parts: ProjectionParts, { x, layer, modules }: Site): Outputs {
  const { config, linear } = parts;
  const [first = '', ...others] = modules.map((module) => weightName(layer, module));
  let joined = linear(x, first, ...others);
  if (modules.some((module) => hasBias(config, module))) {
    joined = add(joined, joinedBias(graph, parts, { x, layer, modules }));
  }
  const sizes = modules.map((module) => moduleShape(config, module)[0]);
  return (body) => split(body === graph ? joined : body.borrow(joined), sizes, joined.shape.length - 1);
}

function joinedBias(graph: Graph, { config, weights }: ProjectionParts, { layer, modules }: Site): Value {
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

function apart({ config, parameters, linear }: ProjectionParts, { x, layer, modules }: Site): Outputs {
  const outputs = modules.map((module) => {
    const y = linear(x, weightName(layer, module));
    return hasBias(config, module) ? add(y, parameters(`${modulePath(layer, module)}.bias`)) : y;
  });
  return () => outputs;
}
