import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { ThreadData } from './thread-data.js';

/**
 * A worker thread whose entry calls `enterThread` first and may then call native code that blocks, such as
 * onnxruntime.
 *
 * Node's own `terminate` interrupts JavaScript at any instant. When that instant is inside a native call,
 * the call can no longer hand over its result, Node-API turns this into a C++ exception that nobody can
 * catch (nodejs/node-addon-api#975), and the whole process aborts. So this thread is asked to end and ends
 * itself between two native calls; it does so within the longest of them.
 */
export class NativeThread extends Worker {
  readonly #control: MessagePort;
  readonly #exited: Promise<number>;

  constructor(entry: URL, data: unknown) {
    const { port1, port2 } = new MessageChannel();
    const workerData: ThreadData = { data, control: port2 };
    super(entry, { workerData, transferList: [port2] });
    this.#control = port1;
    this.#exited = new Promise((resolve) => {
      this.once('exit', (code) => {
        port1.close();
        resolve(code);
      });
    });
  }

  /** Resolves when the thread is gone, whether by this call or earlier. What it told before is heard first. */
  async end(): Promise<void> {
    this.#control.postMessage('end');
    await this.#exited;
  }

  /** Ends as `end` does; there is no way to interrupt the thread. */
  override async terminate(): Promise<number> {
    await this.end();
    return this.#exited;
  }
}
