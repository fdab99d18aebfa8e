import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '@openledger/contracts';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { inferenceGateway } from '@openledger/inference-gateway';
import { newId } from '@openledger/kernel';
import {
  chainSettings,
  deploy,
  developmentWallet,
  OpenToken,
  PrepaidVault,
  payerAccount,
  sendAndWait,
  startAnvil,
} from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { startService } from '@openledger/service-host';
import { settlement } from '@openledger/settlement';
import { deployedModel, eventually, KnownCallers, publish } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import { modelFolderDigest } from '@openledger/transformer';
import { type Bench, type BenchContext, median } from '../bench.js';
import { withDurablePostgres } from '../eventlog/server.js';
import { SERVICE_TOKEN } from './service-process.js';
import { oneToken, StandInWorker } from './stand-in-worker.js';

const ROUNDS = 20;
const REQUESTS = 12;
const WARM_UP = 20;
const SUPPLY_WEI = 10n ** 27n;
const DEPOSIT_WEI = 10n ** 24n;
const PRICE = { promptWeiPerMillion: '1000000000', completionWeiPerMillion: '1000000000' };

/** What a payer waits for before the first token: a reservation on a lease, or a hold at settlement. */
export const gatewayLeases: Bench = {
  name: 'gateway.leases',
  summary:
    'requests of one token paid from a lease against a hold for each, to the first token and to the end',
  run: (context) =>
    withDurablePostgres(async ({ url }) => {
      const dir = await mkdtemp(join(tmpdir(), 'leases-bench-'));
      try {
        return await measure({ dir, url }, context);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    }),
};

interface Place {
  readonly dir: string;
  readonly url: string;
}

/** Prepays for one organisation on a chain of its own; answers settlement's variables. */
async function prepay(rpcUrl: string, chain: Awaited<ReturnType<typeof startAnvil>>, organisationId: string) {
  const payer = developmentWallet(2).connect(chain.provider);
  const operator = developmentWallet(1);
  const contracts = await deploy(
    developmentWallet(0).connect(chain.provider),
    [{ to: payer.address, amountWei: SUPPLY_WEI }],
    { operator: operator.address },
  );
  const vault = new PrepaidVault(contracts.vault, chain.provider);
  const token = new OpenToken(contracts.token, chain.provider);
  await sendAndWait(payer, token.approve(contracts.vault, SUPPLY_WEI));
  await sendAndWait(payer, vault.deposit(payerAccount(organisationId), DEPOSIT_WEI));
  return {
    CHAIN_RPC_URL: rpcUrl,
    ...chainSettings(contracts),
    SETTLEMENT_OPERATOR_KEY: operator.privateKey,
  };
}

async function measure({ dir, url }: Place, context: BenchContext): Promise<Record<string, unknown>> {
  const organisationId = newId();
  const modelDir = join(dir, 'tiny');
  await writeTinyModel(modelDir);
  const baseDigest = await modelFolderDigest(modelDir);
  const chain = await startAnvil();
  const worker = new StandInWorker(baseDigest, oneToken);
  const eventLog = await PostgresEventLog.open({ url });
  const authenticator = new KnownCallers(() => ({ organisationId }));
  const shared = { DATABASE_URL: url, SERVICE_TOKEN, HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'warn' };
  const bank = await startService(settlement, {
    env: { ...shared, ...(await prepay(chain.rpcUrl, chain, organisationId)) },
    authenticator,
    eventLog,
  });
  const env = {
    ...shared,
    MODEL_DIR: modelDir,
    BLOB_DIR: join(dir, 'blobs'),
    SETTLEMENT_GRPC: `127.0.0.1:${bank.grpcPort}`,
    WORKER_GRPC: `127.0.0.1:${await worker.listen(SERVICE_TOKEN)}`,
  };
  const start = (spendLeases: boolean) =>
    startService(inferenceGateway, {
      env: { ...env, SPEND_LEASES: String(spendLeases) },
      authenticator,
      eventLog,
    });
  const gateways = { leased: await start(true), held: await start(false) };
  const books = await Database.open({ url, schema: 'settlement', migrations: settlement.migrations });
  try {
    await publish(eventLog, topics.modelDeployed, deployedModel({ baseDigest, price: PRICE }));
    const ports = { leased: gateways.leased.httpPort ?? 0, held: gateways.held.httpPort ?? 0 };
    for (const port of [ports.leased, ports.held]) {
      await eventually(() => ask(port), 30_000);
      for (let request = 0; request < WARM_UP; request += 1) await ask(port);
    }
    const before = await countLeases(books);
    const times = await alternate(ports, context);
    return { ...times, requests_per_lease: (ROUNDS * REQUESTS) / ((await countLeases(books)) - before || 1) };
  } finally {
    await gateways.leased.stop();
    await gateways.held.stop();
    await bank.stop();
    await books.close();
    await eventLog.close();
    worker.stop();
    await chain.stop();
  }
}

type Way = 'leased' | 'held';

async function alternate(ports: Record<Way, number>, { log }: BenchContext): Promise<Record<string, number>> {
  const first: Record<Way, number[]> = { leased: [], held: [] };
  const whole: Record<Way, number[]> = { leased: [], held: [] };
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const way of round % 2 === 0 ? (['leased', 'held'] as const) : (['held', 'leased'] as const)) {
      for (let request = 0; request < REQUESTS; request += 1) {
        const took = await ask(ports[way]);
        first[way].push(took.firstMs);
        whole[way].push(took.wholeMs);
      }
    }
    if (round % 5 === 0) log(`round ${round}/${ROUNDS}`);
  }
  return {
    first_token_saved_ms: median(first.held) - median(first.leased),
    first_token_ratio: median(first.held) / median(first.leased),
    first_token_leased_ms: median(first.leased),
    first_token_held_ms: median(first.held),
    whole_ratio: median(whole.held) / median(whole.leased),
  };
}

async function ask(port: number): Promise<{ firstMs: number; wholeMs: number }> {
  const begun = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer olk_bench' },
    body: JSON.stringify({ model: 'law', prompt: [1, 2, 3], max_tokens: 16, stream: true }),
  });
  if (!response.ok) throw new Error(await response.text());
  const firstMs = performance.now() - begun;
  await response.text();
  return { firstMs, wholeMs: performance.now() - begun };
}

async function countLeases(books: Database): Promise<number> {
  const [row] = await books.query<{ count: number }>('SELECT count(*)::int AS count FROM lease');
  return row?.count ?? 0;
}
