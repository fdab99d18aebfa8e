import { add, matmul, reshape, softmax, transpose, type Value } from '@openledger/onnx-graph';
import type { ModelConfig } from '../model.js';

/** Mixes values for rotated queries and keys, all [batch, time, heads · head size]. */
export type Attend = (layer: number, q: Value, k: Value, v: Value) => Value;

/** [batch, time, heads · size] to [batch, heads, time, size]. */
export function splitHeads(x: Value, heads: number, size: number): Value {
  const [batch = 1, time = 1] = x.shape;
  return transpose(reshape(x, [batch, time, heads, size]), [0, 2, 1, 3]);
}

/** The inverse of {@link splitHeads}. */
export function joinHeads(x: Value): Value {
  const [batch = 1, heads, time = 1, size] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, time, Number(heads) * Number(size)]);
}

/**
 * Stacks the queries that share a key/value head: [batch, heads, time, size] to
 * [batch, kv heads, group · time, size], so that grouped attention needs no repeated keys.
 */
export function groupQueries(q: Value, config: ModelConfig): Value {
  const [batch = 1, , time = 1] = q.shape;
  const group = config.headCount / config.kvHeadCount;
  const stacked = group === 1 ? time : `${group}*${time}`;
  return reshape(q, [batch, config.kvHeadCount, stacked, config.headDim]);
}

/** Scaled dot-product attention of a sequence over itself under an additive bias. */
export function selfAttention(config: ModelConfig, bias: Value): Attend {
  const { headCount, kvHeadCount, headDim } = config;
  const alpha = 1 / Math.sqrt(headDim);
  return (_layer, q, k, v) => {
    const [batch = 1, time = 1] = q.shape;
    const queries = groupQueries(splitHeads(q, headCount, headDim), config);
    const keys = splitHeads(k, kvHeadCount, headDim);
    const scores = matmul(queries, keys, { transposeB: true, alpha });
    const perHead = reshape(scores, [batch, headCount, time, time]);
    const weights = reshape(softmax(add(perHead, bias)), scores.shape);
    const mixed = matmul(weights, splitHeads(v, kvHeadCount, headDim));
    return joinHeads(reshape(mixed, [batch, headCount, time, headDim]));
  };
}
