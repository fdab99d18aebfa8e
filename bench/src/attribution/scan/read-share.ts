import { type ScanMemory, scanKernel } from '@openledger/attribution/engine';

/** Bytes that a thread takes at a time, as the scan does. */
export const CHUNK_BYTES = 1024 * 1024;

/** Reading of so many bytes that begin at `at`, shared by threads. */
export interface ReadTask {
  readonly memory: ScanMemory['memory'];
  readonly module: Parameters<typeof scanKernel>[0];
  readonly at: number;
  readonly bytes: number;
}

/** Reads chunks until none is left. */
export function readShare({ memory, module, at, bytes }: ReadTask): number {
  const kernel = scanKernel(module, memory);
  const next = new Int32Array(memory.buffer, 0, 1);
  let all = 0;
  for (;;) {
    const from = CHUNK_BYTES * Atomics.add(next, 0, 1);
    if (from >= bytes) return all;
    all ^= kernel.read(at + from, Math.min(CHUNK_BYTES, bytes - from));
  }
}
