import {
  add,
  concat,
  Graph,
  matmul,
  reduceSum,
  reshape,
  rowsOf,
  selectRows,
  sizeOf,
  softmax,
  splitAfter,
  type Value,
} from '@openledger/onnx-graph';
import type { ModelConfig, Weights } from '../model.js';
import { type Attend, groupQueries, joinHeads, splitHeads } from './attention.js';
import { hiddenStates, logitsOf } from './decoder.js';
import { noDelta } from './lora-inputs.js';
import { constantParameters } from './parameters.js';
import { plannedProducts, scaledLinear, storedEmbedding } from './planned-linear.js';
import { causalBias, rotaryTables } from './positions.js';
import { mainPrecision, type Precision, type PrecisionPlan, planFor } from './precision.js';
import { type Packing, rankPages } from './rank-pages.js';
import { servingProjection } from './serving-projection.js';

export interface ServingGraphOptions {
  readonly maxLength: number;
  /** Memory for adapters, in pages of rank 8; default 0, which serves the base model alone. */
  readonly adapterPages?: number;
  /**
   * Of the linear layers, all alike or each by its name; default float32. Fewer bits take less memory
   * and time, for an error in the logits that the caller measures (see `servingPlan`).
   */
  readonly precision?: Precision | PrecisionPlan;
}

/** Adapters are multiplied in 8 bits where most layers are, else in float32. */
export function packingOf(config: ModelConfig, plan: PrecisionPlan): Packing {
  return mainPrecision(config, plan) === 'int8' ? 'int8' : 'float32';
}

export const pastName = (layer: number, part: 'key' | 'value'): string => `past.${layer}.${part}`;
export const freshName = (layer: number, part: 'key' | 'value'): string => `fresh.${layer}.${part}`;

/**
 * Prefill and decode with the cache outside: past keys and values come in, only those of the new
 * tokens go out (returning the whole cache would copy it on every step).
 *
 * Inputs: `input_ids` and `positions` int64 [batch, time]; `past_bias` [batch, 1, 1, past], 0 where a
 * row has a past token and a large negative number elsewhere; `last_tokens` int64 [batch], the flat
 * position in [batch · time] of each row's last token; `past.N.key|value` [batch, kv heads, past, head
 * size], keys already rotated; and, with adapters, the inputs of {@link rankPages}. Outputs: `logits`
 * [batch, vocabulary], `fresh.N.key|value` [batch, kv heads, time, head size] and `hidden` [batch, hidden],
 * the final normalised states summed over each row's new tokens.
 */
export function servingGraph(config: ModelConfig, weights: Weights, options: ServingGraphOptions): Graph {
  const graph = new Graph();
  const ids = graph.input('input_ids', 'int64', ['batch', 'time']);
  const positions = graph.input('positions', 'int64', ['batch', 'time']);
  const pastBias = graph.input('past_bias', 'float32', ['batch', 1, 1, 'past']);
  const lastTokens = graph.input('last_tokens', 'int64', ['batch']);
  const parameters = constantParameters(graph, config, weights);
  const plan = planFor(config, options.precision ?? 'float32');
  const planned = { weights, plan, parameters };
  const products = plannedProducts(graph, planned);
  const addDeltas = options.adapterPages ? rankPages(graph, config, packingOf(config, plan)) : undefined;
  const decoder = {
    config,
    parameters,
    linear: scaledLinear(products),
    project: servingProjection(graph, { config, weights, products, addDeltas }),
    embed: storedEmbedding(graph, config, planned),
    delta: noDelta,
    rotation: { ...rotaryTables(graph, config, options.maxLength), positions },
    attend: cachedAttention(config, { past: pastBias, fresh: causalBias(ids), time: sizeOf(ids, 1) }),
  };
  const states = hiddenStates(decoder, ids);
  graph.output('logits', logitsOf(decoder, selectRows(rowsOf(states), lastTokens)));
  graph.output('hidden', reduceSum(states, [1], false));
  return graph;
}

interface CacheBias {
  readonly past: Value;
  readonly fresh: Value;
  /** Number of new tokens, 0-dimensional. */
  readonly time: Value;
}

/**
 * Attention over cached and new keys without joining them: the two score blocks share one softmax and
 * their mixtures are added.
 */
function cachedAttention(config: ModelConfig, bias: CacheBias): Attend {
  const { headCount, kvHeadCount, headDim } = config;
  const alpha = 1 / Math.sqrt(headDim);
  const sizes = [sizeOf(bias.past, 3), bias.time] as const;
  return (layer, q, k, v) => {
    const { graph } = q;
    const cached = (part: 'key' | 'value'): Value =>
      graph.input(pastName(layer, part), 'float32', ['batch', kvHeadCount, 'past', headDim]);
    const pastKeys = cached('key');
    const pastValues = cached('value');
    const keys = splitHeads(k, kvHeadCount, headDim);
    const values = splitHeads(v, kvHeadCount, headDim);
    graph.output(freshName(layer, 'key'), keys);
    graph.output(freshName(layer, 'value'), values);
    const queries = groupQueries(splitHeads(q, headCount, headDim), config);
    const stacked = queries.shape[2] ?? 1;
    const scores = (against: Value, columns: string, added: Value): Value => {
      const product = matmul(queries, against, { transposeB: true, alpha });
      return add(reshape(product, ['batch', headCount, 'time', columns]), added);
    };
    const joint = softmax(concat([scores(pastKeys, 'past', bias.past), scores(keys, 'time', bias.fresh)], 3));
    const [onPast, onFresh] = splitAfter(joint, sizes, ['past', 'time']);
    const mixed = add(
      matmul(reshape(onPast, ['batch', kvHeadCount, stacked, 'past']), pastValues),
      matmul(reshape(onFresh, ['batch', kvHeadCount, stacked, 'time']), values),
    );
    return joinHeads(reshape(mixed, ['batch', headCount, 'time', headDim]));
  };
}
