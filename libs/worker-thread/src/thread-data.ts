import type { MessagePort } from 'node:worker_threads';

/** What a NativeThread starts its entry with. */
export interface ThreadData {
  readonly data: unknown;
  /** Its one message asks the thread to end. Apart from the thread's own port, so it overtakes waiting work. */
  readonly control: MessagePort;
}
