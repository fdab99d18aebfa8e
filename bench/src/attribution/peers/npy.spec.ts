import { decodeNpy, encodeNpy } from './npy.js';

describe('arrays for NumPy', () => {
  it('come back as they were', () => {
    const data = Float32Array.of(1, -2.5, Number.NaN, 0, 3e-39, 6);
    expect(decodeNpy(encodeNpy({ shape: [3, 2], data }))).toEqual({ shape: [3, 2], data });
  });

  it('begin as the format says: magic, version, and numbers at a multiple of 64', () => {
    const bytes = encodeNpy({ shape: [2], data: BigInt64Array.of(1n, -1n) });
    const header = Buffer.from(bytes).toString('latin1', 10, bytes.length - 16);
    expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
    expect(bytes.length % 64).toBe(16);
    expect(header).toMatch(/^\{'descr': '<i8', 'fortran_order': False, 'shape': \(2,\), \} *\n$/);
    expect(new DataView(bytes.buffer).getBigInt64(bytes.length - 8, true)).toBe(-1n);
  });

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, -1)],
    ['of integers', () => encodeNpy({ shape: [1], data: BigInt64Array.of(1n) })],
    ['that are something else', () => new Uint8Array(4)],
    ['of another magic', (bytes: Uint8Array) => bytes.with(0, 0)],
  ])('%s are refused', (_, change) => {
    const bytes = encodeNpy({ shape: [2], data: Float32Array.of(1, 2) });
    expect(() => decodeNpy(change(bytes))).toThrow(expect.objectContaining({ code: 'NPY_UNREADABLE' }));
  });
});
