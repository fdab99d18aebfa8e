import { DomainError } from '@openledger/kernel';
import { KERNEL_ROWS, PAGE_BYTES, PAGES_MAX } from './scan-kernel.js';

/** Rows that a thread takes at a time: 1 MB at 256 bytes, so that threads end together. */
export const CHUNK_ROWS = 4_096;
export const THREADS_MAX = 16;

/** Number of the next chunk that nobody has taken, int32. */
export const NEXT_AT = 0;
/** The query, int16. */
export const QUERY_AT = 64;
/** Products of one chunk for each thread, int32. */
export const SCRATCH_AT = 4_096;
export const SCRATCH_BYTES = 4 * CHUNK_ROWS;
/** First row. */
export const ROWS_AT = Math.ceil((SCRATCH_AT + THREADS_MAX * SCRATCH_BYTES) / PAGE_BYTES) * PAGE_BYTES;

/** A WebAssembly memory that all threads of a scan see: its head as above, then rows of equal length. */
export class ScanMemory {
  readonly memory: WebAssembly.Memory;

  /** @param stride bytes of a row */
  constructor(readonly stride: number) {
    this.memory = new WebAssembly.Memory({ initial: ROWS_AT / PAGE_BYTES, maximum: PAGES_MAX, shared: true });
  }

  /** Rows that fit at most. */
  get rowsMax(): number {
    return Math.floor((PAGES_MAX * PAGE_BYTES - ROWS_AT) / this.stride) - KERNEL_ROWS;
  }

  /**
   * Makes room. Views from before stay valid for what they show.
   *
   * @throws DomainError INDEX_TOO_LARGE
   */
  reserve(rows: number): void {
    const held = this.memory.buffer.byteLength / PAGE_BYTES;
    const needed = Math.ceil((ROWS_AT + (rows + KERNEL_ROWS) * this.stride) / PAGE_BYTES);
    if (needed <= held) return;
    if (rows > this.rowsMax) {
      throw new DomainError(
        'too-large',
        'INDEX_TOO_LARGE',
        `An index in memory holds at most ${this.rowsMax} rows of ${this.stride} bytes.`,
      );
    }
    // Pages that nobody has written take no memory.
    this.memory.grow(Math.min(PAGES_MAX, Math.max(needed, held + Math.floor(held / 2))) - held);
  }

  /** Bytes of `count` rows from row `from` on. */
  bytes(from: number, count: number): Int8Array {
    return new Int8Array(this.memory.buffer, ROWS_AT + from * this.stride, count * this.stride);
  }
}
