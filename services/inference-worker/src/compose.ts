import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import type { Composition, Host } from '@openledger/service-host';
import { ReceiptWriter } from './application/receipt-writer.js';
import { WorkerConfig } from './config.js';
import { workerService } from './inbound/worker-service.js';
import { BlobAdapters } from './outbound/blob-adapters.js';
import { EngineThread } from './outbound/engine-thread.js';
import { MeteredEngine } from './outbound/metered-engine.js';
import { openSigner } from './outbound/signing-key.js';

export async function compose(host: Host): Promise<Composition> {
  const config = loadConfig(WorkerConfig, host.env);
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const limits = { rankMax: config.ADAPTER_RANK_MAX, fileBytesMax: config.ADAPTER_FILE_BYTES_MAX };
  const thread = await EngineThread.start({
    engine: {
      modelDir: config.MODEL_DIR,
      rowsMax: config.BATCH_ROWS_MAX,
      prefillChunkTokens: config.PREFILL_CHUNK_TOKENS,
      contextTokensMax: config.CONTEXT_TOKENS_MAX,
      adapterRankMax: config.ADAPTER_RANK_MAX,
      adapterCacheBytes: config.ADAPTER_CACHE_BYTES,
      threads: config.ENGINE_THREADS,
    },
    adapters: ({ config: model }) => new BlobAdapters({ blobs, model, limits, clock: host.clock }),
    requestsMax: config.BATCH_ROWS_MAX + config.QUEUE_MAX,
    onCrash: (error) => host.log.error({ err: error }, 'the engine crashed and is started again'),
  });
  const engine = new MeteredEngine(thread, host.metrics);
  const receipts = new ReceiptWriter({
    signer: await openSigner({ pem: config.SIGNING_KEY, stateDir: config.STATE_DIR }, host.log),
    base: () => engine.base,
    engine: 'onnx',
    clock: host.clock,
  });
  return {
    grpc: [workerService({ log: host.log, serviceToken: host.serviceToken }, engine, receipts)],
    isReady: () => thread.isReady,
    stop: () => thread.stop(),
  };
}
