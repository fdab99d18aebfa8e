import { Tensor } from 'onnxruntime-node';
import { runGraph, smoothValues } from '../../test/numeric-gradient.js';
import { Graph } from '../graph.js';
import { mul } from './elementwise.js';
import { matmulLevels, matrixRows, quantizeRows, quantizeWeight } from './quantize.js';

describe('an 8-bit product', () => {
  const inner = 40;
  const out = 6;
  const weight = Float32Array.from(
    smoothValues(out * inner, 1),
    (value, i) => value * (1 + Math.floor(i / inner)),
  );
  const quantized = quantizeWeight([matrixRows(weight, [out, inner])]);

  it('stores each output by its own range', () => {
    for (let row = 0; row < out; row += 1) {
      const scale = quantized.scales[row] ?? 0;
      for (let column = 0; column < inner; column += 1) {
        const restored = (quantized.levels[column * out + row] ?? 0) * scale;
        expect(Math.abs(restored - (weight[row * inner + column] ?? 0))).toBeLessThanOrEqual(scale * 0.5001);
      }
    }
  });

  it('is near the exact product for rows of very different size, and zero for a row of zeros', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['rows', inner]);
    const columns = {
      levels: graph.initializer('levels', 'int8', [inner, out], quantized.levels),
      scales: graph.initializer('scales', 'float32', [out], quantized.scales),
    };
    const rows = quantizeRows(x);
    graph.output('y', mul(matmulLevels(rows, columns), rows.scales));
    const sizes = [1, 1e-4, 1e4, 0];
    const data = Float32Array.from(
      sizes.flatMap((size, row) => smoothValues(inner, row).map((value) => value * size)),
    );
    const { y = [] } = await runGraph(graph, { x: new Tensor('float32', data, [sizes.length, inner]) });
    for (const [row, size] of sizes.entries()) {
      for (let column = 0; column < out; column += 1) {
        let exact = 0;
        let magnitude = 0;
        for (let k = 0; k < inner; k += 1) {
          const product = (data[row * inner + k] ?? 0) * (weight[column * inner + k] ?? 0);
          exact += product;
          magnitude += Math.abs(product);
        }
        const error = Math.abs((y[row * out + column] ?? Number.NaN) - exact);
        expect(error).toBeLessThanOrEqual(0.01 * magnitude);
        if (size === 0) expect(y[row * out + column]).toBe(0);
      }
    }
  });
});
