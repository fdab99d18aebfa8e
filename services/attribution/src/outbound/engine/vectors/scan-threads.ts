import { invariant } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import { byRank, type RankedRow } from '../../../domain/vectors/best-rows.js';
import { scanKernelModule } from '../../../domain/vectors/scan-kernel.js';
import { CHUNK_ROWS, NEXT_AT, QUERY_AT, THREADS_MAX } from '../../../domain/vectors/scan-memory.js';
import { runShare, type ScanTask } from './scan-task.js';

/** What is passed over; `bytes` of each number in the rows. */
export type ScanOrder = Omit<ScanTask, 'module'> & { readonly bytes: 1 | 2 };

/**
 * Threads that share passes over rows: the calling one and, from the first pass that is worth it, `threads` − 1 more. One pass
 * at a time, in the order asked.
 */
export class ScanThreads {
  private readonly modules = new Map<string, WebAssembly.Module>();
  private helpers: readonly NativeThread[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly threads: number) {
    invariant(threads >= 1 && threads <= THREADS_MAX, `a scan takes 1 to ${THREADS_MAX} threads`);
  }

  /** The best rows in order, where ranked; `order.products` is filled when it resolves. */
  run(order: ScanOrder, query: Int16Array): Promise<readonly RankedRow[]> {
    const result = this.turn.then(() => this.pass(order, query));
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Ends the other threads; a later pass starts them again. */
  async close(): Promise<void> {
    await this.turn;
    await Promise.all(
      this.helpers.map((helper) => {
        // Its end is waited for, so it must be worth staying alive for.
        helper.ref();
        return helper.end();
      }),
    );
  }

  private async pass({ bytes, ...order }: ScanOrder, query: Int16Array): Promise<readonly RankedRow[]> {
    const { buffer } = order.memory;
    new Int16Array(buffer, QUERY_AT, query.length).set(query);
    new Int32Array(buffer, NEXT_AT, 1)[0] = 0;
    const task = { ...order, module: this.moduleOf(query.length, order.stride, bytes) };
    const helpers = order.rows > CHUNK_ROWS ? this.running() : [];
    const shares = helpers.map((helper) => shareOf(helper, task));
    const own = runShare(task, 0);
    const all = [own, ...(await Promise.all(shares))].flat().sort(byRank);
    return all.slice(0, order.ranking?.top ?? 0);
  }

  private running(): readonly NativeThread[] {
    while (this.helpers.length < this.threads - 1) {
      const helper = new NativeThread(new URL('./scan-worker.js', import.meta.url), this.helpers.length + 1);
      // Waiting for work keeps nobody alive.
      helper.unref();
      helper.once('exit', () => {
        this.helpers = this.helpers.filter((other) => other !== helper);
      });
      this.helpers = [...this.helpers, helper];
    }
    return this.helpers;
  }

  private moduleOf(length: number, stride: number, bytes: 1 | 2): WebAssembly.Module {
    const key = `${length}/${stride}/${bytes}`;
    const known = this.modules.get(key);
    if (known) return known;
    const module = scanKernelModule({ length, stride, bytes });
    this.modules.set(key, module);
    return module;
  }
}

async function shareOf(helper: NativeThread, task: ScanTask): Promise<readonly RankedRow[]> {
  const listening = new AbortController();
  helper.ref();
  try {
    return await new Promise((resolve, reject) => {
      const on = <T>(event: string, listener: (value: T) => void) => {
        helper.on(event, listener);
        listening.signal.addEventListener('abort', () => helper.off(event, listener));
      };
      on('message', resolve);
      on('error', reject);
      on('exit', (code: number) => reject(new Error(`a scan thread ended with code ${code}`)));
      helper.postMessage(task);
    });
  } finally {
    listening.abort();
    helper.unref();
  }
}
