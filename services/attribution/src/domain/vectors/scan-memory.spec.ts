import { VECTOR_LENGTH_MAX } from './quantise.js';
import {
  CHUNK_ROWS,
  QUERY_AT,
  ROWS_AT,
  SCRATCH_AT,
  SCRATCH_BYTES,
  ScanMemory,
  THREADS_MAX,
} from './scan-memory.js';

describe('ScanMemory', () => {
  it('keeps what lies before its rows apart', () => {
    expect(QUERY_AT + 2 * VECTOR_LENGTH_MAX).toBeLessThanOrEqual(SCRATCH_AT);
    expect(SCRATCH_BYTES).toBe(4 * CHUNK_ROWS);
    expect(SCRATCH_AT + THREADS_MAX * SCRATCH_BYTES).toBeLessThanOrEqual(ROWS_AT);
  });

  it('grows under views that are held', () => {
    const memory = new ScanMemory(64);
    memory.reserve(1);
    const before = memory.bytes(0, 1).fill(3);
    memory.reserve(100_000);
    memory.bytes(99_999, 1).fill(4);
    before[1] = 9;
    expect([...memory.bytes(0, 1).subarray(0, 3)]).toEqual([3, 9, 3]);
    expect(memory.bytes(99_999, 1)[63]).toBe(4);
  });

  it('refuses more rows than WebAssembly can address', () => {
    const memory = new ScanMemory(2_048);
    const tooMany = () => memory.reserve(memory.rowsMax + 1);
    expect(tooMany).toThrow(expect.objectContaining({ code: 'INDEX_TOO_LARGE' }));
    expect(memory.rowsMax).toBeGreaterThan(2_000_000);
  });
});
