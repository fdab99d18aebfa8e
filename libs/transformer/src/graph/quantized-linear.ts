import { invariant } from '@openledger/kernel';
import {
  type Graph,
  matmulQuantized,
  matrixRows,
  type QuantizedColumns,
  type QuantizedRows,
  quantizeRows,
  quantizeWeight,
  type Value,
} from '@openledger/onnx-graph';
import type { Weights } from '../model.js';
import { type Linear, sideBySide } from './parameters.js';

/**
 * Linear layers with 8-bit weights and activations: one scale for each output and one for each token.
 * Products are exact in integers, so a token's result is the same to the bit in any batch.
 */
export function quantizedLinear(graph: Graph, weights: Weights): Linear {
  const columns = new Map<string, QuantizedColumns>();
  const rows = new Map<Value, QuantizedRows>();
  return (x, ...names) => {
    const quantized = rows.get(x) ?? quantizeRows(x);
    rows.set(x, quantized);
    const products = names.map((name) => {
      const weight = columns.get(name) ?? columnsOf(graph, weights, name);
      columns.set(name, weight);
      return matmulQuantized(quantized, weight);
    });
    return sideBySide(products);
  };
}

function columnsOf(graph: Graph, weights: Weights, name: string): QuantizedColumns {
  const tensor = weights.get(name);
  invariant(tensor, `no weight ${name}`);
  const [out = 0, input = 0] = tensor.shape;
  const { levels, scales } = quantizeWeight([matrixRows(tensor.data, [out, input])]);
  return {
    levels: graph.initializer(`${name}.levels`, 'int8', [input, out], levels),
    scales: graph.initializer(`${name}.scales`, 'float32', [out], scales),
  };
}
