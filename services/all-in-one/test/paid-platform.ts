import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ModelDeployed, topics } from '@openledger/contracts';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { inferenceGateway } from '@openledger/inference-gateway';
import { newId } from '@openledger/kernel';
import {
  chainSettings,
  deploy,
  developmentWallet,
  type LocalChain,
  OpenToken,
  PrepaidVault,
  payerAccount,
  sendAndWait,
  startAnvil,
} from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { type RunningService, startService } from '@openledger/service-host';
import { settlement } from '@openledger/settlement';
import { deployedModel, eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import { modelFolderDigest } from '@openledger/transformer';
import { NonceManager } from 'ethers';
import OpenAI from 'openai';
import { ScriptedWorker } from './scripted-worker.js';

const SERVICE_TOKEN = 'service-token-of-this-test';
const SUPPLY_WEI = 10n ** 27n;
/** What a token of an answer costs; prompts are free, so that a fee shows the answer's length. */
export const TOKEN_WEI = 1_000n;

/** A gateway that can be asked, and perhaps killed. */
export interface Gateway {
  ask(organisationId: string, maxTokens?: number, model?: string): Promise<string | null | undefined>;
  stop(): Promise<void>;
}

/** Real settlement on a real chain, real gateways; only the worker follows a script. */
export class PaidPlatform {
  readonly worker = new ScriptedWorker();
  private readonly gateways = new Set<Gateway>();

  private constructor(
    private readonly parts: {
      chain: LocalChain;
      payer: NonceManager;
      vault: PrepaidVault;
      log: PostgresEventLog;
      settlement: RunningService;
      dir: string;
    },
    /** Settlement's schema and the gateway's. */
    readonly schemas: { settlement: Database; gateway: Database },
    private env: Readonly<Record<string, string>>,
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<PaidPlatform> {
    const dir = await mkdtemp(join(tmpdir(), 'paid-'));
    const modelDir = join(dir, 'tiny');
    await writeTinyModel(modelDir);
    const url = await testDatabase();
    const log = await PostgresEventLog.open({ url });
    const chain = await startAnvil();
    const payer = new NonceManager(developmentWallet(2).connect(chain.provider));
    const operator = developmentWallet(1);
    const contracts = await deploy(
      developmentWallet(0).connect(chain.provider),
      [{ to: await payer.getAddress(), amountWei: SUPPLY_WEI }],
      { operator: operator.address },
    );
    const vault = new PrepaidVault(contracts.vault, chain.provider);
    await sendAndWait(
      payer,
      new OpenToken(contracts.token, chain.provider).approve(contracts.vault, SUPPLY_WEI),
    );
    const shared = { DATABASE_URL: url, SERVICE_TOKEN, HTTP_PORT: '0', GRPC_PORT: '0', LOG_LEVEL: 'silent' };
    const service = await startService(settlement, {
      env: {
        ...shared,
        CHAIN_RPC_URL: chain.rpcUrl,
        ...chainSettings(contracts),
        CHAIN_POLL_MS: '50',
        SETTLEMENT_OPERATOR_KEY: operator.privateKey,
        SETTLEMENT_LEASE_USE_MS: '2000',
        ...env,
      },
      authenticator: new KnownCallers((key) => ({ organisationId: key })),
      eventLog: log,
    });
    const schemas = {
      settlement: await Database.open({ url, schema: 'settlement', migrations: settlement.migrations }),
      gateway: await Database.open({
        url,
        schema: 'inference_gateway',
        migrations: inferenceGateway.migrations,
      }),
    };
    const platform = new PaidPlatform(
      { chain, payer, vault, log, settlement: service, dir },
      schemas,
      shared,
    );
    const baseDigest = await modelFolderDigest(modelDir);
    platform.env = {
      ...shared,
      MODEL_DIR: modelDir,
      BLOB_DIR: join(dir, 'blobs'),
      SETTLEMENT_GRPC: `127.0.0.1:${service.grpcPort}`,
      WORKER_GRPC: await platform.worker.listen(SERVICE_TOKEN, baseDigest),
      LEASE_ALIVE_MS: '2000',
    };
    await platform.deploy({ baseDigest });
    return platform;
  }

  /** A new organisation with so much to spend. */
  async organisation(amountWei: bigint): Promise<string> {
    const id = newId();
    const { payer, vault } = this.parts;
    await sendAndWait(payer, vault.deposit(payerAccount(id), amountWei));
    await eventually(async () => expect((await this.balance(id)).availableWei).toBe(amountWei));
    return id;
  }

  async balance(organisationId: string): Promise<{ availableWei: bigint; heldWei: bigint }> {
    const rows = await this.schemas.settlement.query<{ id: string; free: string; pending: string }>(
      `SELECT id, credits_posted - debits_posted - debits_pending AS free, debits_pending AS pending
       FROM account WHERE id IN ($1, $2)`,
      [`payer:${organisationId}`, `leased:${organisationId}`],
    );
    const of = (id: string) => rows.find((row) => row.id === `${id}:${organisationId}`);
    return {
      availableWei: BigInt(of('payer')?.free ?? 0),
      heldWei: BigInt(of('payer')?.pending ?? 0) + BigInt(of('leased')?.free ?? 0),
    };
  }

  /** Fees charged to an organisation, by request. */
  async fees(organisationId: string): Promise<bigint[]> {
    const rows = await this.schemas.settlement.query<{ fee: string }>(
      'SELECT fee FROM request WHERE organisation_id = $1 AND fee IS NOT NULL',
      [organisationId],
    );
    return rows.map(({ fee }) => BigInt(fee));
  }

  async deploy(fields: Partial<ModelDeployed>): Promise<ModelDeployed> {
    const price = {
      promptWeiPerMillion: '0',
      completionWeiPerMillion: (TOKEN_WEI * 1_000_000n).toString(),
    };
    const model = deployedModel({ price, ...fields });
    await publish(this.parts.log, topics.modelDeployed, model);
    return model;
  }

  baseDigest(): Promise<string> {
    return modelFolderDigest(join(this.parts.dir, 'tiny'));
  }

  /** Of settlement's REST; an organisation's id is its credential. */
  async settlement(method: string, path: string, organisationId: string, body?: object) {
    const response = await fetch(`http://127.0.0.1:${this.parts.settlement.httpPort}/settlement/${path}`, {
      method,
      headers: { authorization: `Bearer ${organisationId}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: await response.json() };
  }

  async startGateway(): Promise<Gateway> {
    const service = await startService(inferenceGateway, {
      env: this.env,
      authenticator: new KnownCallers((key) => ({ organisationId: key })),
      eventLog: this.parts.log,
    });
    return this.opened(service.httpPort ?? 0, () => service.stop());
  }

  /** A gateway in a process of its own: stopping it kills it. */
  async startVictim(): Promise<Gateway> {
    const script = join(import.meta.dirname, 'gateway-process.js');
    const child = spawn(process.execPath, [script], {
      env: { ...process.env, ...this.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return this.opened(await portOf(child), async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once('exit', resolve));
    });
  }

  /** Keeps every gateway from publishing until the answer is called. */
  async holdOutbox(): Promise<() => Promise<void>> {
    const release = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const holding = this.schemas.gateway.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('outbox:inference_gateway', 0))`);
      held.resolve();
      await release.promise;
    });
    await held.promise;
    return async () => {
      release.resolve();
      await holding;
    };
  }

  async stop(): Promise<void> {
    for (const gateway of [...this.gateways]) await gateway.stop();
    this.worker.close();
    await this.parts.settlement.stop();
    await this.schemas.settlement.close();
    await this.schemas.gateway.close();
    await this.parts.log.close();
    await this.parts.chain.stop();
    await rm(this.parts.dir, { recursive: true });
  }

  private opened(port: number, stop: () => Promise<void>): Gateway {
    const baseURL = `http://127.0.0.1:${port}/v1`;
    const gateway: Gateway = {
      ask: async (organisationId, maxTokens = 50, model = 'law') => {
        const client = new OpenAI({ apiKey: organisationId, baseURL, maxRetries: 0 });
        const messages = [{ role: 'user' as const, content: 'Hi' }];
        const asked = { model, messages, max_tokens: maxTokens };
        return (await client.chat.completions.create(asked)).choices[0]?.message.content;
      },
      stop: async () => {
        if (this.gateways.delete(gateway)) await stop();
      },
    };
    this.gateways.add(gateway);
    return gateway;
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      const [, port] = /port (\d+)/.exec(chunk.toString()) ?? [];
      if (port !== undefined) resolve(Number(port));
    });
  });
}
