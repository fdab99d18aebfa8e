import { join } from 'node:path';
import type { Host } from '@openledger/service-host';
import { adapterPageBytes } from './application/adapter-pages.js';
import type { WorkerConfig } from './config.js';
import type { OpenEngine } from './open-engine.js';
import { AdapterMetrics } from './outbound/adapter-metrics.js';
import { EngineMetrics } from './outbound/engine-metrics.js';
import { EngineThread } from './outbound/engine-thread.js';
import { LoaderThread } from './outbound/loader-thread.js';

/** The engine that computes in this process, in threads of its own. */
export async function openOnnxEngine(config: WorkerConfig, host: Host): Promise<OpenEngine> {
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
        planDir: planDir(config),
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
  return {
    name: 'onnx',
    engine: thread,
    adapters: thread.adapters,
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

/** Plans are found again where the worker keeps what else outlives it. */
function planDir({ ENGINE_PLAN_DIR: own, STATE_DIR: state }: WorkerConfig): string | undefined {
  return own ?? (state === undefined ? undefined : join(state, 'kernels'));
}
