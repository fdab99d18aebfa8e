import { DomainError } from '@openledger/kernel';
import { headWeight, modulePath } from '../graph/parameters.js';
import { type Precision, type PrecisionPlan, precisions } from '../graph/precision.js';
import type { ModelConfig, TargetModule } from '../model.js';

/** Linear layers of one shape; a model has few, and layers of a class cost the same. */
export const layerClasses = [
  'attention_in',
  'attention_out',
  'feed_forward_in',
  'feed_forward_out',
  'head',
] as const;

export type LayerClass = (typeof layerClasses)[number];

/** The modules of each class that lie in every block; those of one class read the same input. */
export const classModules: Readonly<Record<Exclude<LayerClass, 'head'>, readonly TargetModule[]>> = {
  attention_in: ['q_proj', 'k_proj', 'v_proj'],
  attention_out: ['o_proj'],
  feed_forward_in: ['gate_proj', 'up_proj'],
  feed_forward_out: ['down_proj'],
};

/** What a kernel took on this machine. */
export interface KernelTiming {
  readonly layer: LayerClass;
  readonly precision: Precision;
  /** Milliseconds for one row, as when a single stream is decoded. */
  readonly oneRowMs: number;
  /** Milliseconds for as many rows as are decoded together. */
  readonly rowsMs: number;
  /** Whether a row came out the same to the bit alone, among few rows and among many. */
  readonly rowIndependent: boolean;
}

/** A narrower kernel must be this much faster: at equal speed, more bits are more exact. */
const worthwhile = 0.9;

/**
 * The precision for each class: the fastest by the geometric mean of both row counts, so that neither a
 * lone stream nor a full batch pays for the other. A kernel whose rows depend on their batch is not used,
 * except in float32 where `dependentRows` are accepted and there is no other: libraries of graphics
 * processors choose their kernel by the number of rows.
 */
export function decideKernels(
  timings: readonly KernelTiming[],
  dependentRows: 'refused' | 'accepted' = 'refused',
): ReadonlyMap<LayerClass, Precision> {
  return new Map(
    [...new Set(timings.map(({ layer }) => layer))].map((layer) => {
      const candidates = timings.filter((timing) => timing.layer === layer && timing.rowIndependent);
      if (candidates.length === 0 && dependentRows === 'accepted') return [layer, 'float32'] as const;
      if (candidates.length === 0) {
        throw new DomainError(
          'precondition',
          'NO_ROW_INDEPENDENT_KERNEL',
          `On this processor no allowed kernel computes ${layer} independently of the batch; allow int8, which is exact in integers.`,
        );
      }
      return [layer, fastest(candidates)] as const;
    }),
  );
}

/** From the widest to the narrowest, each replacing the last when it is clearly faster. */
function fastest(candidates: readonly KernelTiming[]): Precision {
  const widestFirst = [...candidates].sort((one, other) => rankOf(other) - rankOf(one));
  const cost = ({ oneRowMs, rowsMs }: KernelTiming): number => Math.sqrt(oneRowMs * rowsMs);
  const [first, ...narrower] = widestFirst;
  const chosen = narrower.reduce(
    (best, timing) => (best && cost(timing) < worthwhile * cost(best) ? timing : best),
    first,
  );
  return chosen?.precision ?? 'float32';
}

const rankOf = ({ precision }: KernelTiming): number => precisions.indexOf(precision);

/** The plan in which all layers of a class have its precision. */
export function planOfClasses(
  config: ModelConfig,
  chosen: ReadonlyMap<LayerClass, Precision>,
): PrecisionPlan {
  const plan = new Map<string, Precision>();
  const set = (name: string, layer: LayerClass): void => {
    plan.set(name, chosen.get(layer) ?? 'float32');
  };
  for (let block = 0; block < config.layerCount; block += 1) {
    for (const layer of layerClasses) {
      if (layer === 'head') continue;
      for (const module of classModules[layer]) set(`${modulePath(block, module)}.weight`, layer);
    }
  }
  set(headWeight(config), 'head');
  return plan;
}
