import { loadConfig } from '@openledger/config';
import type { Composition, Host } from '@openledger/service-host';
import { adapterPageBytes } from './application/adapter-pages.js';
import { ReceiptWriter } from './application/receipt-writer.js';
import { WorkerConfig } from './config.js';
import { workerService } from './inbound/worker-service.js';
import { AdapterMetrics } from './outbound/adapter-metrics.js';
import { EngineMetrics } from './outbound/engine-metrics.js';
import { EngineThread } from './outbound/engine-thread.js';
import { LoaderThread } from './outbound/loader-thread.js';
import { MeteredEngine } from './outbound/metered-engine.js';
import { openSigner } from './outbound/signing-key.js';

export async function compose(host: Host): Promise<Composition> {
  const config = loadConfig(WorkerConfig, host.env);
  const loader = loaderThread(config, host, (...load) => adapterMetrics.loaded(...load));
  const thread = await EngineThread.start({
    engine: {
      modelDir: config.MODEL_DIR,
      rowsMax: config.BATCH_ROWS_MAX,
      prefillChunkTokens: config.PREFILL_CHUNK_TOKENS,
      contextTokensMax: config.CONTEXT_TOKENS_MAX,
      kvCacheBytes: config.KV_CACHE_BYTES,
      prefixCacheBytes: config.PREFIX_CACHE_BYTES,
      adapterPages: config.ADAPTER_PAGES,
      adapterCacheBytes: config.ADAPTER_CACHE_BYTES,
      threads: config.ENGINE_THREADS,
      kernels: {
        precision: config.ENGINE_PRECISION,
        provider: config.ENGINE_PROVIDER,
        planDir: config.ENGINE_PLAN_DIR === '' ? undefined : config.ENGINE_PLAN_DIR,
      },
    },
    adapters: ({ config: model, packing }) => ({
      load: (reference) => loader.load(reference, { model, packing }),
    }),
    onAdapterNote: (note) => adapterMetrics.note(note),
    onStep: (note) => metrics.step(note),
    requests: {
      limits: { requestsMax: config.BATCH_ROWS_MAX + config.QUEUE_MAX, tokensMax: config.QUEUE_TOKENS_MAX },
      stream: { piecesMax: config.STREAM_MESSAGES_MAX, stallMs: config.STREAM_STALL_MS },
      refused: (reason) => metrics.refused(reason),
      heldBack: (seconds) => metrics.heldBack(seconds),
    },
    onCrash: (error) => host.log.error({ err: error }, 'the engine crashed and is started again'),
  });
  host.log.info({ kernels: thread.base.kernels }, 'the model is open');
  // Nothing is told of adapters before the first request, so this is early enough.
  const adapterMetrics = new AdapterMetrics(host.metrics, {
    load: () => thread.load.adapters,
    disk: () => loader.disk,
    pageBytes: () => adapterPageBytes(thread.base.config, thread.base.packing),
  });
  const metrics = new EngineMetrics(host.metrics, { base: () => thread.base, load: () => thread.load });
  const engine = new MeteredEngine(thread, host.metrics);
  const receipts = new ReceiptWriter({
    signer: await openSigner({ pem: config.SIGNING_KEY, stateDir: config.STATE_DIR }, host.log),
    base: () => engine.base,
    engine: 'onnx',
    clock: host.clock,
  });
  return {
    grpc: [
      workerService(
        { log: host.log, serviceToken: host.serviceToken },
        { engine, adapters: thread.adapters, receipts },
      ),
    ],
    isReady: () => thread.isReady,
    stop: async () => {
      await thread.stop();
      await loader.stop();
    },
  };
}

function loaderThread(
  config: WorkerConfig,
  { clock, log }: Host,
  onLoad: AdapterMetrics['loaded'],
): LoaderThread {
  const { ADAPTER_DISK_DIR: dir, ADAPTER_DISK_BYTES: bytesMax } = config;
  return new LoaderThread({
    loader: {
      blobDir: config.BLOB_DIR,
      disk: dir === '' ? undefined : { dir, bytesMax },
      limits: { rankMax: config.ADAPTER_RANK_MAX, fileBytesMax: config.ADAPTER_FILE_BYTES_MAX },
    },
    clock,
    onLoad,
    onTrouble: (error) => log.error({ err: error }, 'the loader of adapters'),
  });
}
