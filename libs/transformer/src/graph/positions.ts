import {
  expandLike,
  type Graph,
  greater,
  type RotaryTables,
  range,
  reshape,
  sizeOf,
  type Value,
  where,
} from '@openledger/onnx-graph';
import type { ModelConfig } from '../model.js';

/** Large enough that its exponential is exactly 0, small enough that adding scores cannot overflow. */
export const maskedScore = -1e30;

/** Cosines and sines of every position below `limit`, as constants. */
export function rotaryTables(
  graph: Graph,
  config: ModelConfig,
  limit: number,
): Omit<RotaryTables, 'positions'> {
  const half = config.headDim / 2;
  const cos = new Float32Array(limit * half);
  const sin = new Float32Array(limit * half);
  for (let position = 0; position < limit; position += 1) {
    for (let pair = 0; pair < half; pair += 1) {
      const angle = position * config.ropeTheta ** (-pair / half);
      cos[position * half + pair] = Math.cos(angle);
      sin[position * half + pair] = Math.sin(angle);
    }
  }
  return {
    cos: graph.initializer('rotary.cos', 'float32', [limit, half], cos),
    sin: graph.initializer('rotary.sin', 'float32', [limit, half], sin),
  };
}

/** 0, 1, … in every row, shaped as `ids` ([batch, time]). */
export function sequencePositions(ids: Value): Value {
  return expandLike(reshape(range(sizeOf(ids, 1), 'time'), [1, 'time']), ids);
}

/** [time, time]: 0 where a query may see a key at or before it, else {@link maskedScore}. */
export function causalBias(ids: Value): Value {
  const { graph } = ids;
  const steps = range(sizeOf(ids, 1), 'time');
  const later = greater(reshape(steps, [1, 'time']), reshape(steps, ['time', 1]));
  return where(later, graph.scalar('float32', maskedScore), graph.scalar('float32', 0));
}
