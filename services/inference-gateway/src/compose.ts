import { setTimeout } from 'node:timers/promises';
import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { type Composition, type Host, on } from '@openledger/service-host';
import { AnswerPrompts } from './application/answer-prompts.js';
import { EmbedInputs } from './application/embed-inputs.js';
import { HoldEach } from './application/hold-each.js';
import { ModelCatalogue } from './application/model-catalogue.js';
import { Payments } from './application/payments.js';
import { SpendLeases } from './application/spend-leases.js';
import { GatewayConfig } from './config.js';
import { inferenceService } from './inbound/grpc/inference-service.js';
import { predictService } from './inbound/grpc/predict-service.js';
import { Defaults } from './inbound/rest/defaults.js';
import { openAiHeaders } from './inbound/rest/response-headers.js';
import { Upkeep } from './inbound/upkeep.js';
import { inferenceGatewayModule } from './inference-gateway.module.js';
import { openBaseModel } from './outbound/base-model-folder.js';
import { PostgresLeaseBook } from './outbound/postgres-lease-book.js';
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
  const leases = openLeases(host, settlement, config.LEASE_ALIVE_MS);
  const workers = new WorkerPool({
    addresses: config.WORKER_GRPC,
    baseDigest: base.digest,
    serviceToken,
    runTimeoutMs: config.RUN_TIMEOUT_MS,
    firstTokenLimitMs: config.FIRST_TOKEN_LIMIT_MS,
    log,
    metrics: host.metrics,
  });
  const receipts = new PostgresReceipts(database, blobs);
  const catalogue = new ModelCatalogue(new PricedModels(models, settlement), base, config.BASE_IS_FREE);
  const parts = {
    catalogue,
    base,
    payments: new Payments(config.SPEND_LEASES ? leases.balances : leases.holds, receipts),
    workers,
    clock,
  };
  const answers = new AnswerPrompts(parts);
  const embedInputs = new EmbedInputs(parts);
  const defaults = new Defaults(base.recommended);
  const isReady = () => database.isReady();
  return {
    beforeBody: [openAiHeaders],
    module: inferenceGatewayModule({
      answers,
      embedInputs,
      catalogue,
      base,
      defaults,
      isReady,
      readerTimeoutMs: config.READER_TIMEOUT_MS,
      log,
    }),
    grpc: [
      inferenceService({ answers, embedInputs, catalogue, authenticator, log }),
      predictService({ answers, catalogue, authenticator, isReady, log }),
    ],
    handlers: [
      on(topics.modelDeployed, (event, record) =>
        database.once('inference-gateway', record.id, (tx) => models.register(tx, event)),
      ),
    ],
    errors: 'openai',
    start: async () => {
      leases.upkeep.start();
      await workers.start();
    },
    stop: async () => {
      workers.close();
      leases.upkeep.stop();
      await leases.balances.close();
      settlement.close();
    },
  };
}

const SWEEP_MS = 500;
/** How often a gateway says that it is there, within the time after which it counts as gone. */
const TENDS = 4;

function openLeases({ database, log }: Host, settlement: SettlementClient, aliveMs: number) {
  const holds = new HoldEach(settlement, (holdId, err) => log.warn({ err, holdId }, 'hold not released'));
  const balances = new SpendLeases({
    lender: settlement,
    book: new PostgresLeaseBook(database, aliveMs),
    holds,
    elapsedMs: () => performance.now(),
    pause: (ms) => setTimeout(ms),
    onError: (err) => log.warn({ err }, 'leases'),
  });
  const upkeep = new Upkeep([
    { everyMs: SWEEP_MS, work: () => balances.sweep() },
    { everyMs: aliveMs / TENDS, work: () => balances.tend() },
  ]);
  return { balances, holds, upkeep };
}
