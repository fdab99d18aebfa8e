import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { type Composition, type Host, on } from '@openledger/service-host';
import { AnswerQuestion } from './application/answer-question.js';
import { HoldEach } from './application/hold-each.js';
import { ModelCatalogue } from './application/model-catalogue.js';
import { Payments } from './application/payments.js';
import { GatewayConfig } from './config.js';
import { inferenceService } from './inbound/grpc/inference-service.js';
import { Defaults } from './inbound/rest/defaults.js';
import { inferenceGatewayModule } from './inference-gateway.module.js';
import { openBaseModel } from './outbound/base-model-folder.js';
import { PostgresModels } from './outbound/postgres-models.js';
import { PostgresReceipts } from './outbound/postgres-receipts.js';
import { PricedModels } from './outbound/priced-models.js';
import { SettlementClient } from './outbound/settlement-client.js';
import { WorkerPool } from './outbound/worker-pool.js';

export async function compose(host: Host): Promise<Composition> {
  const { database, log, authenticator, serviceToken, clock } = host;
  const config = loadConfig(GatewayConfig, host.env);
  const base = await openBaseModel(config.MODEL_DIR, { contextTokensMax: config.CONTEXT_TOKENS_MAX });
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const models = new PostgresModels(database);
  const settlement = new SettlementClient(config.SETTLEMENT_GRPC, serviceToken, log);
  const balances = new HoldEach(settlement, (holdId, err) => log.warn({ err, holdId }, 'hold not released'));
  const workers = new WorkerPool({
    addresses: config.WORKER_GRPC,
    serviceToken,
    runTimeoutMs: config.RUN_TIMEOUT_MS,
    firstTokenLimitMs: config.FIRST_TOKEN_LIMIT_MS,
    log,
    metrics: host.metrics,
  });
  const receipts = new PostgresReceipts(database, blobs);
  const catalogue = new ModelCatalogue(new PricedModels(models, settlement), base, config.BASE_IS_FREE);
  const answers = new AnswerQuestion({
    catalogue,
    base,
    payments: new Payments(balances, receipts),
    workers,
    clock,
  });
  const defaults = new Defaults(base.recommended);
  return {
    module: inferenceGatewayModule({ answers, catalogue, defaults, log }),
    grpc: [inferenceService({ answers, catalogue, authenticator, log })],
    handlers: [
      on(topics.modelDeployed, (event, record) =>
        database.once('inference-gateway', record.id, (tx) => models.register(tx, event)),
      ),
    ],
    errors: 'openai',
    start: () => workers.start(),
    stop: async () => {
      workers.close();
      settlement.close();
    },
  };
}
