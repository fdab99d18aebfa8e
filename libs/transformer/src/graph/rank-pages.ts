import { type Graph, greater, matmul, mul, where } from '@openledger/onnx-graph';
import type { ModelConfig, TargetModule } from '../model.js';
import { targetModules } from '../model.js';
import type { Delta } from './lora-inputs.js';
import { modulePath, moduleShape } from './parameters.js';

/** Rank of one page; an adapter of rank r takes ⌈r / 8⌉ of them, whose products add up to its own. */
export const pageRank = 8;

export interface PageInput {
  readonly layer: number;
  readonly module: TargetModule;
  readonly part: 'A' | 'B';
  readonly name: string;
  /** Elements of one rank row. */
  readonly width: number;
}

/** The paged tensors of a serving graph: A as [ranks, in] and B as [ranks, out]. */
export function pageInputs(config: ModelConfig): PageInput[] {
  const inputs: PageInput[] = [];
  for (let layer = 0; layer < config.layerCount; layer += 1) {
    for (const module of targetModules) {
      const [out, input] = moduleShape(config, module);
      const path = modulePath(layer, module);
      inputs.push({ layer, module, part: 'A', name: `${path}.A`, width: input });
      inputs.push({ layer, module, part: 'B', name: `${path}.B`, width: out });
    }
  }
  return inputs;
}

/**
 * Many adapters in one batch: every token is multiplied by all rank rows of the window, and what is not
 * of its own adapters is replaced by zero before the way back up. Replaced, not multiplied: an adapter
 * that overflows must not reach another row.
 *
 * Inputs: those of {@link pageInputs}, and `rank_weights` [batch, time, ranks], 0 where a rank row is not of
 * the token's adapters.
 */
export function rankPages(graph: Graph, config: ModelConfig): Delta {
  const pages = new Map(
    pageInputs(config).map(({ name, width }) => [name, graph.input(name, 'float32', ['ranks', width])]),
  );
  const weights = graph.input('rank_weights', 'float32', ['batch', 'time', 'ranks']);
  const zero = graph.scalar('float32', 0);
  const used = greater(mul(weights, weights), zero);
  return (x, layer, module) => {
    const path = modulePath(layer, module);
    const [a, b] = [pages.get(`${path}.A`), pages.get(`${path}.B`)];
    if (!a || !b) return undefined;
    const low = matmul(x, a, { transposeB: true });
    const own = where(used, mul(low, weights), zero);
    return matmul(own, b);
  };
}
