import { DomainError } from '@openledger/kernel';
import { type ModelConfig, targetModules } from '../model.js';
import { headWeight, modulePath, weightShapes } from './parameters.js';

/**
 * How the weights of a linear layer are stored and multiplied, from the narrowest to the widest. int4:
 * 4-bit weights, one scale for 32 of them; int8: 8-bit weights and activations, one scale a row;
 * float32: as trained.
 */
export const precisions = ['int4', 'int8', 'float32'] as const;

export type Precision = (typeof precisions)[number];

/** The precision of every linear layer, by the name of its weight. */
export type PrecisionPlan = ReadonlyMap<string, Precision>;

/** The weights of all linear layers, block by block, the head last, with their shapes [out, in]. */
export function linearWeights(config: ModelConfig): ReadonlyMap<string, readonly [number, number]> {
  const shapes = weightShapes(config);
  const names = [...Array(config.layerCount).keys()].flatMap((layer) =>
    targetModules.map((module) => `${modulePath(layer, module)}.weight`),
  );
  return new Map(
    [...names, headWeight(config)].map((name) => {
      const [out = 0, input = 0] = shapes.get(name) ?? [];
      return [name, [out, input]] as const;
    }),
  );
}

/** The plan that treats all layers alike, or the given one once it is known to name exactly the layers. */
export function planFor(config: ModelConfig, wanted: Precision | PrecisionPlan): PrecisionPlan {
  const names = [...linearWeights(config).keys()];
  if (typeof wanted === 'string') return new Map(names.map((name) => [name, wanted]));
  const missing = names.find((name) => !wanted.has(name));
  if (missing !== undefined || wanted.size !== names.length) {
    throw new DomainError(
      'invalid',
      'PRECISION_PLAN_MISMATCH',
      `A precision plan names each of the model's ${names.length} linear layers; this one ${missing === undefined ? 'names others as well' : `lacks ${missing}`}.`,
    );
  }
  return wanted;
}

/** The precision of most weights of the blocks, which is what adapters meet. */
export function mainPrecision(config: ModelConfig, plan: PrecisionPlan): Precision {
  const sizes = new Map<Precision, number>();
  const head = headWeight(config);
  for (const [name, [out, input]] of linearWeights(config)) {
    const precision = plan.get(name) ?? 'float32';
    if (name !== head) sizes.set(precision, (sizes.get(precision) ?? 0) + out * input);
  }
  return [...sizes].sort(([, one], [, other]) => other - one)[0]?.[0] ?? 'float32';
}
