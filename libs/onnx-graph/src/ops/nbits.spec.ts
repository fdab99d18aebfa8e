import { Tensor } from 'onnxruntime-node';
import { runGraph, smoothValues } from '../../test/numeric-gradient.js';
import { Graph } from '../graph.js';
import { blockCount, matmulBlocks, quantizeBlocks } from './nbits.js';
import { matrixRows } from './quantize.js';

const inner = 80;
const out = 70;
const weight = Float32Array.from(
  smoothValues(out * inner, 3),
  (value, i) => value * (1 + (Math.floor(i / 32) % 5)),
);

/** The weight that the 4 bits stand for. */
function restored({ levels, scales }: ReturnType<typeof quantizeBlocks>): Float32Array {
  const blocks = blockCount(inner);
  return Float32Array.from({ length: out * inner }, (_, at) => {
    const row = Math.floor(at / inner);
    const column = at % inner;
    const block = row * blocks + (column >> 5);
    const byte = levels[block * 16 + ((column & 31) >> 1)] ?? 0;
    const level = column % 2 === 0 ? byte & 15 : byte >> 4;
    return (level - 8) * (scales[block] ?? 0);
  });
}

describe('a product with 4-bit weights', () => {
  const quantized = quantizeBlocks([matrixRows(weight, [out, inner])]);

  it('keeps every weight within one level of its block, most within half of one', () => {
    const close = restored(quantized);
    const errors = Array.from(weight, (value, at) => {
      const block = Math.floor(at / inner) * blockCount(inner) + ((at % inner) >> 5);
      return Math.abs(value - (close[at] ?? 0)) / Math.abs(quantized.scales[block] ?? 0);
    });
    // Only what lies opposite the block's extreme finds no level of its own.
    expect(Math.max(...errors)).toBeLessThanOrEqual(1.001);
    expect(errors.filter((error) => error <= 0.501).length).toBeGreaterThan(0.9 * errors.length);
  });

  it('is the same for weights one below the other as for the whole', () => {
    const upper = matrixRows(weight.subarray(0, 20 * inner), [20, inner]);
    const lower = matrixRows(weight.subarray(20 * inner), [out - 20, inner]);
    expect(quantizeBlocks([upper, lower])).toEqual(quantized);
  });

  it('multiplies by the weights that the levels stand for, up to 8-bit activations', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['rows', inner]);
    const blocks = blockCount(inner);
    const stored = {
      levels: graph.initializer('levels', 'uint8', [out, blocks, 16], quantized.levels),
      scales: graph.initializer('scales', 'float32', [out, blocks], quantized.scales),
      input: inner,
    };
    graph.output('y', matmulBlocks(x, stored));
    const rows = 3;
    const data = smoothValues(rows * inner, 5);
    const { y = [] } = await runGraph(graph, {
      x: new Tensor('float32', Float32Array.from(data), [rows, inner]),
    });
    const exactWeight = restored(quantized);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < out; column += 1) {
        let exact = 0;
        let size = 0;
        for (let k = 0; k < inner; k += 1) {
          const product = (data[row * inner + k] ?? 0) * (exactWeight[column * inner + k] ?? 0);
          exact += product;
          size += Math.abs(product);
        }
        expect(Math.abs((y[row * out + column] ?? Number.NaN) - exact)).toBeLessThanOrEqual(0.02 * size);
      }
    }
  });
});
