import { FolderBlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
import type { Host } from '@openledger/service-host';
import type { WorkerConfig } from './config.js';
import type { OpenEngine } from './open-engine.js';
import { AdapterMetrics } from './outbound/adapter-metrics.js';
import { EngineMetrics } from './outbound/engine-metrics.js';
import { VllmEngine } from './outbound/vllm/vllm-engine.js';
import { VllmServer } from './outbound/vllm/vllm-server.js';

/** The engine that an upstream vLLM is. */
export async function openVllmEngine(config: WorkerConfig, host: Host): Promise<OpenEngine> {
  const { VLLM_ENDPOINT: url, VLLM_ADAPTER_DIR: dir } = config;
  if (!url || !dir) {
    const message =
      'ENGINE=vllm needs VLLM_ENDPOINT and VLLM_ADAPTER_DIR, a folder that the server sees as well.';
    throw new DomainError('precondition', 'VLLM_NOT_CONFIGURED', message);
  }
  const engine = await VllmEngine.connect({
    server: new VllmServer({ url, apiKey: config.VLLM_API_KEY }),
    modelDir: config.MODEL_DIR,
    contextTokensMax: config.CONTEXT_TOKENS_MAX,
    requestsMax: config.BATCH_ROWS_MAX + config.QUEUE_MAX,
    adaptersInBatch: config.VLLM_ADAPTERS_IN_BATCH,
    startTimeoutMs: config.VLLM_START_TIMEOUT_MS,
    adapters: {
      blobs: await FolderBlobStore.open(config.BLOB_DIR),
      dir,
      adaptersMax: config.VLLM_ADAPTERS_MAX,
      fileBytesMax: config.ADAPTER_FILE_BYTES_MAX,
      rankMax: config.ADAPTER_RANK_MAX,
      onLoad: (seconds, outcome) => adapterMetrics.loaded(seconds, outcome, 'remote'),
    },
    onError: (error) => host.log.error({ err: error }, 'the vLLM server'),
  });
  // Nothing is loaded before the first request, so this is early enough.
  const adapterMetrics = new AdapterMetrics(host.metrics, {
    load: () => engine.load.adapters,
    disk: () => ({ bytes: 0, evictions: 0 }),
    pageBytes: () => 0,
  });
  new EngineMetrics(host.metrics, { base: () => engine.base, load: () => engine.load });
  return {
    name: 'vllm',
    engine,
    adapters: engine.adapters,
    isReady: () => engine.isReady,
    stop: async () => engine.stop(),
  };
}
