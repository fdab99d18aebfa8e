import { parentPort, workerData } from 'node:worker_threads';
import { PostgresEventLog } from '@openledger/event-log/postgres';

/** A member that never finishes a record: it reports the first of each partition and hangs. */
const { url, topic } = workerData as { url: string; topic: string };
const log = await PostgresEventLog.open({ url });
await log.subscribe({
  group: 'g',
  topics: [topic],
  handle: (record) => {
    parentPort?.postMessage(record.id);
    return new Promise(() => {});
  },
});
