import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { RowLease } from '@openledger/persistence';
import { type Composition, type Host, LeasedLoop, on } from '@openledger/service-host';
import { ReadAttribution } from './application/read-attribution.js';
import { RecordInputs } from './application/record-inputs.js';
import { WorkQueue } from './application/work-queue.js';
import { AttributionModule } from './attribution.module.js';
import { AttributionConfig } from './config.js';
import { BlobEvidenceReader } from './outbound/blob-evidence-reader.js';
import { PostgresAttributionStore } from './outbound/postgres-attribution-store.js';
import { ThreadEngine } from './outbound/thread-engine.js';

export async function compose(host: Host): Promise<Composition> {
  const config = loadConfig(AttributionConfig, host.env);
  const store = new PostgresAttributionStore(host.database);
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const engine = new ThreadEngine({
    idleMs: config.ATTRIBUTION_IDLE_MS,
    blobDir: config.BLOB_DIR,
    modelDir: config.MODEL_DIR,
    threads: config.ATTRIBUTION_THREADS,
    tokensMax: config.ATTRIBUTION_TOKENS_MAX,
    recordsMax: config.ATTRIBUTION_RECORDS_MAX,
  });
  const onError = (error: unknown) => host.log.error({ err: error }, 'attribution');
  const queue = new WorkQueue({
    store,
    engine,
    clock: host.clock,
    retryMs: config.ATTRIBUTION_RETRY_MS,
    onError,
  });
  const loop = new LeasedLoop({
    lease: new RowLease(host.database),
    work: (signal) => queue.next(signal),
    pollMs: config.ATTRIBUTION_POLL_MS,
    onError,
  });
  const inputs = new RecordInputs(store);
  return {
    module: AttributionModule.over(new ReadAttribution(store, new BlobEvidenceReader(blobs))),
    handlers: [
      on(topics.modelDeployed, (event, record) => inputs.version(record.id, event)),
      on(topics.inferenceServed, (event, record) => inputs.answer(record.id, event)),
      on(topics.partyChanged, (event, record) => inputs.party(record.id, event)),
    ],
    start: async () => loop.start(),
    stop: async () => {
      await loop.stop();
      await engine.close();
    },
  };
}
