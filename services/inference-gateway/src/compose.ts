import { setTimeout } from 'node:timers/promises';
import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { type Composition, type Counter, type Host, on } from '@openledger/service-host';
import { AnswerPrompts } from './application/answer-prompts.js';
import { EmbedInputs } from './application/embed-inputs.js';
import { HoldEach } from './application/hold-each.js';
import { ModelCatalogue } from './application/model-catalogue.js';
import { Payments } from './application/payments.js';
import { PriceBook } from './application/price-book.js';
import { RateLimits } from './application/rate-limits.js';
import { SpendLeases } from './application/spend-leases.js';
import { GatewayConfig } from './config.js';
import { inferenceService } from './inbound/grpc/inference-service.js';
import { predictService } from './inbound/grpc/predict-service.js';
import { Defaults } from './inbound/rest/defaults.js';
import { Replies } from './inbound/rest/replies.js';
import { openAiHeaders } from './inbound/rest/response-headers.js';
import { Upkeep } from './inbound/upkeep.js';
import { inferenceGatewayModule } from './inference-gateway.module.js';
import { openBaseModel } from './outbound/base-model-folder.js';
import { CountedBalances, leasesCounter, rejectedCounter, watchLeases } from './outbound/gateway-metrics.js';
import { PostgresIdempotency } from './outbound/postgres-idempotency.js';
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
  const rejected = rejectedCounter(host.metrics);
  const workers = new WorkerPool({
    addresses: config.WORKER_GRPC,
    baseDigest: base.digest,
    serviceToken,
    runTimeoutMs: config.RUN_TIMEOUT_MS,
    firstTokenLimitMs: config.FIRST_TOKEN_LIMIT_MS,
    log,
    metrics: host.metrics,
    rejected,
  });
  const priced = new PricedModels(models, openPrices(host, settlement));
  const catalogue = new ModelCatalogue(priced, base, config.BASE_IS_FREE);
  const rateLimits = openLimits(config, rejected);
  const balances = config.SPEND_LEASES ? leases.balances : leases.holds;
  const payments = new Payments(
    new CountedBalances(balances, rejected),
    new PostgresReceipts(database, blobs),
  );
  const parts = { catalogue, base, payments, workers, clock, rateLimits };
  const answers = new AnswerPrompts(parts);
  const embedInputs = new EmbedInputs(parts);
  const idempotency = keptReplies(host, config.IDEMPOTENCY_KEEP_MS);
  const defaults = new Defaults(base.recommended);
  const isReady = async () => workers.isReachable && (await database.isReady());
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
      rateLimits,
      replies: idempotency.replies,
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
      for (const { upkeep } of [leases, idempotency]) upkeep.start();
      await workers.start();
    },
    stop: async () => {
      workers.close();
      for (const { upkeep } of [leases, idempotency]) upkeep.stop();
      await leases.balances.close();
      settlement.close();
    },
  };
}

const SWEEP_MS = 500;
/** How often a gateway says that it is there, within the time after which it counts as gone. */
const TENDS = 4;

const elapsedMs = () => performance.now();

const openPrices = ({ log }: Host, settlement: SettlementClient): PriceBook =>
  new PriceBook({
    prices: settlement,
    elapsedMs,
    onError: (err) => log.warn({ err }, 'a price was not told'),
  });

const openLimits = (config: GatewayConfig, rejected: Counter<'reason'>): RateLimits =>
  new RateLimits({
    requestsPerMinute: config.REQUESTS_PER_MINUTE,
    tokensPerMinute: config.TOKENS_PER_MINUTE,
    elapsedMs,
    onRefused: (reason) => rejected.inc({ reason }),
  });

function openLeases({ database, log, metrics }: Host, settlement: SettlementClient, aliveMs: number) {
  const outcomes = leasesCounter(metrics);
  const holds = new HoldEach(settlement, (holdId, err) => log.warn({ err, holdId }, 'hold not released'));
  const balances = new SpendLeases({
    lender: settlement,
    book: new PostgresLeaseBook(database, aliveMs),
    holds,
    elapsedMs,
    pause: (ms) => setTimeout(ms),
    onError: (err) => log.warn({ err }, 'leases'),
    onOutcome: (outcome) => outcomes.inc({ outcome }),
  });
  watchLeases(metrics, () => balances.held);
  const upkeep = new Upkeep([
    { everyMs: SWEEP_MS, work: () => balances.sweep() },
    { everyMs: aliveMs / TENDS, work: () => balances.tend() },
  ]);
  return { balances, holds, upkeep };
}

/** A claim outlives the pause between two renewals several times over. */
const CLAIM_MS = 60_000;
const CLAIM_RENEW_MS = 15_000;
const KEYS_SWEEP_MS = 60_000;

function keptReplies({ database, log }: Host, keepMs: number) {
  const book = new PostgresIdempotency(database, { keepMs, claimMs: CLAIM_MS });
  const onError = (err: unknown) => log.warn({ err }, 'idempotency keys');
  const replies = new Replies({ book, renewMs: CLAIM_RENEW_MS, onError });
  const upkeep = new Upkeep([{ everyMs: KEYS_SWEEP_MS, work: () => book.sweep().catch(onError) }]);
  return { replies, upkeep };
}
