import { once } from 'node:events';
import { ROWS_AT, ScanMemory, scanKernelModule } from '@openledger/attribution/engine';
import { NativeThread } from '@openledger/worker-thread';
import { type ReadTask, readShare } from './read-share.js';

const STRIDE = 256;

/** Reads memory and does nothing with it, on as many threads as the scan: what no scan can be faster than. */
export class MemoryReader {
  private constructor(
    private readonly task: ReadTask,
    private readonly helpers: readonly NativeThread[],
  ) {}

  /** Over so many bytes of its own, a multiple of 256. */
  static async open(bytes: number, threads: number): Promise<MemoryReader> {
    const rows = new ScanMemory(STRIDE);
    rows.reserve(bytes / STRIDE);
    // Pages that nobody has written are one page of zeros.
    rows.bytes(0, bytes / STRIDE).fill(7);
    const module = scanKernelModule({ length: STRIDE, stride: STRIDE, bytes: 1 });
    const task = { memory: rows.memory, module, at: ROWS_AT, bytes };
    const helpers = Array.from(
      { length: threads - 1 },
      () => new NativeThread(new URL('./read-worker.js', import.meta.url), task),
    );
    await Promise.all(helpers.map((helper) => once(helper, 'message')));
    return new MemoryReader(task, helpers);
  }

  async read(): Promise<void> {
    new Int32Array(this.task.memory.buffer, 0, 1)[0] = 0;
    const shares = this.helpers.map((helper) => {
      helper.postMessage('read');
      return once(helper, 'message');
    });
    readShare(this.task);
    await Promise.all(shares);
  }

  async end(): Promise<void> {
    await Promise.all(this.helpers.map((helper) => helper.end()));
  }
}
