import { invariant } from '@openledger/kernel';
import {
  blockCount,
  cast,
  type Graph,
  gatherRows,
  type MatrixRows,
  matmulBlocks,
  matmulLevels,
  matrixRows,
  mul,
  type QuantizedRows,
  quantizeBlocks,
  quantizeRows,
  quantizeWeight,
  type Value,
} from '@openledger/onnx-graph';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { StoredTensor } from '../safetensors/stored.js';
import { headWeight, type Linear, type Parameters, plainLinear, sideBySide } from './parameters.js';
import type { Precision, PrecisionPlan } from './precision.js';

export interface PlannedParts {
  readonly weights: Weights;
  readonly plan: PrecisionPlan;
  /** Where float32 layers have their weights from. */
  readonly parameters: Parameters;
}

/**
 * Linear layers, each in the precision that the plan gives it. Weights of one input and one precision
 * are one product. Every kernel computes a row from that row alone, so that a token's result is the same
 * to the bit in any batch: 8-bit products are exact in integers, and the others sum in an order that
 * does not depend on the number of rows as long as weights are constants of the graph.
 */
export function plannedLinear(graph: Graph, parts: PlannedParts): Linear {
  return scaledLinear(plannedProducts(graph, parts));
}

/** A layer's outputs, each row still to be multiplied by its scale where there are scales. */
export interface ScaledProduct {
  readonly product: Value;
  /** [batch, time, 1]. */
  readonly scales: Value | undefined;
}

export type Products = (x: Value, ...names: readonly [string, ...string[]]) => ScaledProduct;

/** {@link plannedLinear} before the scales of the rows, for those who add to it in the same scale. */
export function plannedProducts(graph: Graph, { weights, plan, parameters }: PlannedParts): Products {
  const wide = plainLinear(parameters);
  const bytes = bytesProducts(graph, weights);
  const narrow = { int8: scaledLinear(bytes), int4: blocksLinear(graph, weights) };
  return (x, ...names) => {
    const runs = runsOf(names, (name) => plan.get(name) ?? 'float32');
    const [first] = runs;
    if (runs.length === 1 && first?.[0] === 'int8') return bytes(x, ...first[1]);
    const outputs = runs.map(([precision, run]) =>
      precision === 'float32' ? wide(x, ...run) : narrow[precision](x, ...run),
    );
    return { product: sideBySide(outputs), scales: undefined };
  };
}

export function scaledLinear(products: Products): Linear {
  return (x, ...names) => {
    const { product, scales } = products(x, ...names);
    return scales ? mul(product, scales) : product;
  };
}

type Run = [precision: Precision, names: [string, ...string[]]];

/** Neighbours of one precision together: their outputs must stay in order. */
function runsOf(names: readonly string[], precisionOf: (name: string) => Precision): Run[] {
  const runs: Run[] = [];
  for (const name of names) {
    const precision = precisionOf(name);
    const last = runs.at(-1);
    if (last?.[0] === precision) last[1].push(name);
    else runs.push([precision, [name]]);
  }
  return runs;
}

/** One scale for each output and one for each token. */
function bytesProducts(graph: Graph, weights: Weights): Products {
  const rows = new Map<Value, QuantizedRows>();
  const columns = remembered((names) => {
    const sources = names.map((name) => rowsOfWeight(weights, name));
    const { levels, scales } = quantizeWeight(sources);
    const shape = [sources[0]?.shape[1] ?? 0, scales.length];
    const stem = names.join('+');
    return {
      levels: graph.initializer(`${stem}.levels`, 'int8', shape, levels),
      scales: graph.initializer(`${stem}.scales`, 'float32', [scales.length], scales),
    };
  });
  return (x, ...names) => {
    const quantized = rows.get(x) ?? quantizeRows(x);
    rows.set(x, quantized);
    return { product: matmulLevels(quantized, columns(names)), scales: quantized.scales };
  };
}

function blocksLinear(graph: Graph, weights: Weights): Linear {
  const stored = remembered((names) => {
    const sources = names.map((name) => rowsOfWeight(weights, name));
    const input = sources[0]?.shape[1] ?? 0;
    const { levels, scales } = quantizeBlocks(sources);
    const blocks = blockCount(input);
    const out = scales.length / blocks;
    const stem = names.join('+');
    return {
      levels: graph.initializer(
        `${stem}.blocks`,
        'uint8',
        [out, blocks, levels.length / scales.length],
        levels,
      ),
      scales: graph.initializer(`${stem}.block_scales`, 'float32', [out, blocks], scales),
      input,
    };
  });
  return (x, ...names) => matmulBlocks(x, stored(names));
}

function remembered<Stored>(make: (names: readonly string[]) => Stored) {
  const known = new Map<string, Stored>();
  return (names: readonly string[]): Stored => {
    const key = names.join('+');
    const stored = known.get(key) ?? make(names);
    known.set(key, stored);
    return stored;
  };
}

function weightOf(weights: Weights, name: string): Tensor {
  const tensor = weights.get(name);
  invariant(tensor, `no weight ${name}`);
  return tensor;
}

/** A weight as its rows, read from its file piece by piece where it still lies there. */
export function rowsOfWeight(weights: Weights, name: string): MatrixRows {
  const tensor = weightOf(weights, name);
  const [out = 0, input = 0] = tensor.shape;
  if (!(tensor instanceof StoredTensor)) return matrixRows(tensor.data, [out, input]);
  return { shape: [out, input], rows: (begin, end) => tensor.rows(begin, end) };
}

/**
 * Looks tokens up. A 16-bit table stays so, which is exact and half the memory, unless the head is
 * multiplied by the same table in float32.
 */
export function storedEmbedding(
  graph: Graph,
  config: ModelConfig,
  { weights, plan, parameters }: PlannedParts,
): (ids: Value) => Value {
  const name = 'model.embed_tokens.weight';
  const table = weightOf(weights, name);
  const shared = headWeight(config) === name && plan.get(name) === 'float32';
  if (shared || !(table instanceof StoredTensor) || table.dtype === 'F32') {
    return (ids) => gatherRows(parameters(name), ids);
  }
  const bytes = table.bytes();
  const dtype = table.dtype === 'BF16' ? 'bfloat16' : 'float16';
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const stored = graph.initializer(`${name}.halves`, dtype, table.shape.map(Number), halves);
  return (ids) => cast(gatherRows(stored, ids), 'float32');
}
