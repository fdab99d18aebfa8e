import { inferenceGateway } from '@openledger/inference-gateway';
import { inferenceWorker } from '@openledger/inference-worker';
import { startService } from '@openledger/service-host';
import { KnownCallers } from '@openledger/testing';

/** Runs one service in a process of its own, for callers who may do everything; tells its ports. */
const services = { 'inference-gateway': inferenceGateway, 'inference-worker': inferenceWorker };
const service = services[process.argv[2] as keyof typeof services];
const running = await startService(service, {
  env: process.env,
  authenticator: new KnownCallers(() => ({ organisationId: 'bench' })),
});
process.once('SIGTERM', () => void running.stop().then(() => process.exit(0)));
console.log(JSON.stringify({ httpPort: running.httpPort, grpcPort: running.grpcPort }));
