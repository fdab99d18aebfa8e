import fc from 'fast-check';
import { quantiseQuery, quantiseRow } from './quantise.js';
import { type KernelShape, scanKernel, scanKernelModule } from './scan-kernel.js';
import { QUERY_AT, ROWS_AT, SCRATCH_AT, ScanMemory } from './scan-memory.js';

function kernelOn(shape: KernelShape) {
  const memory = new ScanMemory(shape.stride);
  return { memory, kernel: scanKernel(scanKernelModule(shape), memory.memory) };
}

/** As a verifier would, without any of our arithmetic. */
const bigProduct = (row: ArrayLike<number>, query: Int16Array) =>
  query.reduce((sum, value, i) => sum + BigInt(value) * BigInt(row[i] ?? 0), 0n);

const shapes: readonly KernelShape[] = [
  { length: 16, stride: 16, bytes: 1 },
  { length: 64, stride: 64, bytes: 1 },
  { length: 64, stride: 256, bytes: 1 },
  { length: 256, stride: 256, bytes: 1 },
  { length: 1_024, stride: 1_024, bytes: 1 },
  { length: 16, stride: 32, bytes: 2 },
  { length: 256, stride: 512, bytes: 2 },
  { length: 64, stride: 512, bytes: 2 },
  { length: 1_024, stride: 2_048, bytes: 2 },
];

describe('scanKernel', () => {
  it.each(shapes)('computes what big integers give: %p', (shape) => {
    const { memory, kernel } = kernelOn(shape);
    const k = shape.stride / shape.bytes;
    const numbers = (count: number) =>
      fc.oneof(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: count, maxLength: count }),
        // The longest that quantising gives: products nearest to 2³¹.
        fc.constantFrom(1, -1).map((sign) => new Array<number>(count).fill(sign)),
      );
    const property = fc.property(
      fc.array(numbers(k), { minLength: 1, maxLength: 9 }),
      numbers(shape.length),
      (rows, vector) => {
        memory.reserve(rows.length);
        const query = quantiseQuery(vector).values;
        const quantised = rows.map(
          (row) => (shape.bytes === 1 ? quantiseRow(row) : quantiseQuery(row)).values,
        );
        quantised.forEach((values, row) => {
          const bytes = new Int8Array(values.buffer, values.byteOffset, values.byteLength);
          memory.bytes(row, 1).set(bytes);
        });
        new Int16Array(memory.memory.buffer, QUERY_AT, query.length).set(query);
        kernel.products(ROWS_AT, QUERY_AT, SCRATCH_AT, rows.length);
        const products = new Int32Array(memory.memory.buffer, SCRATCH_AT, rows.length);
        expect([...products].map(BigInt)).toEqual(quantised.map((values) => bigProduct(values, query)));
      },
    );
    fc.assert(property, { numRuns: 30 });
  });

  it('reads every byte when only reading', () => {
    const { memory, kernel } = kernelOn({ length: 16, stride: 16, bytes: 1 });
    memory.reserve(64);
    const bytes = memory.bytes(0, 64).fill(0);
    expect(kernel.read(ROWS_AT, 1_024)).toBe(0);
    // Lane 0 holds the first four bytes of every sixteen.
    for (const at of [0, 16, 512, 1_008]) {
      bytes.fill(0)[at] = 5;
      expect(kernel.read(ROWS_AT, 1_024)).toBe(5);
    }
  });
});
