import process from 'node:process';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { invariant } from '@openledger/kernel';
import type { ThreadData } from './thread-data.js';

export interface ThreadEntry<Data> {
  readonly port: MessagePort;
  /** What the thread was started with. */
  readonly data: Data;
}

/** To be called before anything else by the entry of a NativeThread: from then on it can be ended. */
export function enterThread<Data>(): ThreadEntry<Data> {
  invariant(parentPort, 'this file is the entry of a worker thread');
  const { data, control } = workerData as ThreadData;
  // Messages are heard from the event loop, so no native call of this thread is under way. Inside a thread,
  // `exit` ends the thread only.
  control.on('message', () => process.exit());
  control.unref();
  return { port: parentPort, data: data as Data };
}
