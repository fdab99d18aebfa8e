import { loadConfig } from '@openledger/config';
import type { Composition, Host } from '@openledger/service-host';
import { ReceiptWriter } from './application/receipt-writer.js';
import { WorkerConfig } from './config.js';
import { workerService } from './inbound/worker-service.js';
import { openOnnxEngine } from './open-onnx-engine.js';
import { openVllmEngine } from './open-vllm-engine.js';
import { MeteredEngine } from './outbound/metered-engine.js';
import { openSigner } from './outbound/signing-key.js';

export async function compose(host: Host): Promise<Composition> {
  const config = loadConfig(WorkerConfig, host.env);
  const open = await (config.ENGINE === 'vllm' ? openVllmEngine : openOnnxEngine)(config, host);
  const engine = new MeteredEngine(open.engine, host.metrics);
  const receipts = new ReceiptWriter({
    signer: await openSigner({ pem: config.SIGNING_KEY, stateDir: config.STATE_DIR }, host.log),
    base: () => engine.base,
    engine: open.name,
    clock: host.clock,
  });
  const context = { log: host.log, serviceToken: host.serviceToken };
  return {
    grpc: [workerService(context, { engine, adapters: open.adapters, receipts })],
    isReady: open.isReady,
    stop: open.stop,
  };
}
