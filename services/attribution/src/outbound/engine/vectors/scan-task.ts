import { BestRows, type RankedRow } from '../../../domain/vectors/best-rows.js';
import { scanKernel } from '../../../domain/vectors/scan-kernel.js';
import {
  CHUNK_ROWS,
  NEXT_AT,
  QUERY_AT,
  ROWS_AT,
  SCRATCH_AT,
  SCRATCH_BYTES,
} from '../../../domain/vectors/scan-memory.js';

/** One pass of one query over rows, as it travels to the threads; all of it is shared, nothing copied. */
export interface ScanTask {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly stride: number;
  readonly rows: number;
  /** The products of all rows, where wanted. */
  readonly products?: Int32Array;
  /** The best rows, where wanted. */
  readonly ranking?: Ranking;
}

export interface Ranking {
  readonly top: number;
  readonly scales: Float32Array;
  readonly records: Uint32Array;
  readonly dead: Uint8Array;
}

/** Takes chunks until none is left; the best rows among them. @param thread counts from 0 */
export function runShare(task: ScanTask, thread: number): readonly RankedRow[] {
  const { memory, stride, rows } = task;
  const kernel = scanKernel(task.module, memory);
  const next = new Int32Array(memory.buffer, NEXT_AT, 1);
  const out = SCRATCH_AT + thread * SCRATCH_BYTES;
  const scratch = new Int32Array(memory.buffer, out, CHUNK_ROWS);
  const best = new BestRows(task.ranking?.top ?? 0);
  for (;;) {
    const from = CHUNK_ROWS * Atomics.add(next, 0, 1);
    if (from >= rows) return best.inOrder;
    const count = Math.min(CHUNK_ROWS, rows - from);
    kernel.products(ROWS_AT + from * stride, QUERY_AT, out, count);
    task.products?.set(scratch.subarray(0, count), from);
    if (task.ranking) offerAll(best, task.ranking, { products: scratch, from, count });
  }
}

interface Chunk {
  readonly products: Int32Array;
  readonly from: number;
  readonly count: number;
}

function offerAll(
  best: BestRows,
  { scales, records, dead }: Ranking,
  { products, from, count }: Chunk,
): void {
  let threshold = best.threshold;
  for (let i = 0; i < count; i++) {
    const product = products[i] ?? 0;
    const score = product * (scales[from + i] ?? 0);
    if (score < threshold || dead[from + i] === 1) continue;
    best.offer({ row: from + i, record: records[from + i] ?? 0, product, score });
    threshold = best.threshold;
  }
}
