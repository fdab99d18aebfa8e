import { credentials } from '@grpc/grpc-js';
import type { Principal } from '@openledger/auth';
import {
  type GetBalanceResponse,
  type GetPriceResponse,
  type LeaseBalanceResponse,
  SettlementServiceClient,
  topics,
} from '@openledger/contracts';
import type { EventLog } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { newId } from '@openledger/kernel';
import { chainSettings } from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { type RunningService, serviceMetadata, startService } from '@openledger/service-host';
import { deployedModel, eventually, KnownCallers, publish, testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import { PLATFORM, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { settlement } from '../src/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, startChain } from './chain-fixture.js';

const TOKEN = 'x'.repeat(32);
const PAYER = newId();
const DEVELOPER = newId();
const OPERATORS = newId();
const DAY_MS = 86_400_000;
const operatorWallet = Wallet.createRandom().address;

const callers: Readonly<Record<string, Partial<Principal>>> = {
  payer: { organisationId: PAYER },
  developer: { organisationId: DEVELOPER },
  operator: { organisationId: OPERATORS, walletAddress: operatorWallet },
  reader: { organisationId: PAYER, scopes: new Set(['balance:read']) },
};

describe('billing over REST and gRPC', () => {
  let fixture: ChainFixture;
  let eventLog: EventLog;
  let service: RunningService;
  let grpc: SettlementServiceClient;
  let database: Database;
  let modelId: string;
  const told: string[] = [];

  beforeAll(async () => {
    fixture = await startChain();
    eventLog = new MemoryEventLog();
    const url = await testDatabase();
    service = await startService(settlement, {
      env: {
        DATABASE_URL: url,
        SERVICE_TOKEN: TOKEN,
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'error',
        CHAIN_RPC_URL: fixture.chain.rpcUrl,
        ...chainSettings(fixture.deployment),
        SETTLEMENT_OPERATOR_KEY: fixture.operatorKey,
        SETTLEMENT_OPERATOR_WALLETS: operatorWallet,
      },
      authenticator: new KnownCallers((credential) => callers[credential]),
      eventLog,
    });
    database = await Database.open({ url, schema: 'settlement', migrations: settlement.migrations });
    grpc = new SettlementServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure());
    await eventLog.subscribe({
      group: 'spec',
      topics: [topics.settlementRefunded.name, topics.budgetAlert.name],
      handle: async (record) => void told.push(`${record.type} ${record.key}`),
    });
    await fixture.deposit(PAYER, 1_000n);
    await fixture.deposit(OPERATORS, 530n);
    await eventually(async () =>
      expect((await call('GET', 'balance', 'operator')).body.availableWei).toBe('530'),
    );
    const earned = {
      debit: payer(OPERATORS),
      credit: PLATFORM,
      amountWei: 30n,
      reason: 'fee',
      reference: newId(),
    };
    await new PostgresSettlementStore(database).transaction((tx) => tx.ledger.post([single(earned)]));
  });
  afterAll(async () => {
    grpc.close();
    await database.close();
    await service.stop();
    await eventLog.close();
    await fixture.chain.stop();
  });
  beforeEach(async () => {
    const event = deployedModel({
      developerOrganisationId: DEVELOPER,
      price: { promptWeiPerMillion: '0', completionWeiPerMillion: '1000000' },
    });
    modelId = event.modelId;
    await publish(eventLog, topics.modelDeployed, event);
    await eventually(async () => expect((await call('GET', `prices/${modelId}`)).status).toBe(200));
  });

  const call = async (method: string, path: string, credential?: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${service.httpPort}/settlement/${path}`, {
      method,
      headers: {
        ...(credential ? { authorization: `Bearer ${credential}` } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  const refusal = async (answer: ReturnType<typeof call>) => {
    const { status, body } = await answer;
    return `${status} ${body?.code}`;
  };
  const price = () =>
    new Promise<GetPriceResponse>((resolve, reject) => {
      grpc.getPrice({ modelId }, serviceMetadata(TOKEN), (error, got) =>
        error ? reject(error) : resolve(got),
      );
    });
  const balance = () =>
    new Promise<GetBalanceResponse>((resolve, reject) => {
      const asked = { organisationId: PAYER };
      grpc.getBalance(asked, serviceMetadata(TOKEN), (error, got) => (error ? reject(error) : resolve(got)));
    });
  const lease = (wantedWei: string, minimumWei = wantedWei) =>
    new Promise<LeaseBalanceResponse>((resolve, reject) => {
      const asked = { leaseId: newId(), organisationId: PAYER, wantedWei, minimumWei };
      grpc.leaseBalance(asked, serviceMetadata(TOKEN), (error, got) =>
        error ? reject(error) : resolve(got),
      );
    });
  const serve = async (completionTokens: number) => {
    const requestId = newId();
    const served = topics.inferenceServed.message.create({
      requestId,
      modelId,
      payerOrganisationId: PAYER,
      usage: { promptTokens: 1, completionTokens, cachedTokens: 0 },
      servedAt: new Date(),
    });
    await publish(eventLog, topics.inferenceServed, served);
    await eventually(async () => {
      const { body } = await call('GET', `receipts/${requestId}`, 'payer');
      expect(body.feeWei).toBe(String(completionTokens));
    });
    return requestId;
  };

  it('shows a price list to everybody, and takes announcements from the developer', async () => {
    const dearer = {
      promptWeiPerMillion: '10',
      cachedPromptWeiPerMillion: '1',
      completionWeiPerMillion: '2000000',
    };
    const before = Date.now();
    const { status, body } = await call('POST', `prices/${modelId}`, 'developer', dearer);
    expect([status, body.number]).toEqual([201, 2]);
    expect(Date.parse(body.effectiveAt)).toBeGreaterThanOrEqual(before + DAY_MS);
    const list = await call('GET', `prices/${modelId}`);
    expect(list.body).toMatchObject({
      modelId,
      inForce: 1,
      next: 2,
      versions: [{ number: 2, ...dearer }, { number: 1 }],
    });
    expect(list.body.versions[1].cachedPromptWeiPerMillion).toBeUndefined();

    const quoted = await price();
    expect(quoted).toMatchObject({ completionWeiPerMillion: '1000000', next: dearer, goodForMs: 600_000 });
    expect(quoted.changesInMs).toBeGreaterThan(DAY_MS - 60_000);
    expect(quoted.changesInMs).toBeLessThanOrEqual(DAY_MS);
  });

  it('refuses prices that nobody may set or that are none', async () => {
    const fair = { promptWeiPerMillion: '1', completionWeiPerMillion: '1' };
    const announce = (body: object, credential?: string, id = modelId) =>
      refusal(call('POST', `prices/${id}`, credential, body));
    expect(await announce(fair)).toBe('401 CREDENTIAL_MISSING');
    expect(await announce(fair, 'reader')).toBe('403 SCOPE_MISSING');
    expect(await announce(fair, 'payer')).toBe('403 MODEL_NOT_YOURS');
    expect(await announce(fair, 'developer', newId())).toBe('404 MODEL_NOT_DEPLOYED');
    for (const wei of ['-1', '1.5', '1e3', '', '9'.repeat(31)]) {
      expect(await announce({ ...fair, completionWeiPerMillion: wei }, 'developer')).toBe(
        '400 REQUEST_INVALID',
      );
    }
    expect(await announce({ ...fair, cachedPromptWeiPerMillion: '2' }, 'developer')).toBe(
      '400 PRICE_INVALID',
    );
    expect(await announce({ ...fair, surprise: 1 }, 'developer')).toBe('400 REQUEST_INVALID');
    expect(await announce({ ...fair, effectiveAt: 'soon' }, 'developer')).toBe('400 REQUEST_INVALID');
    const yesterday = new Date(Date.now() - DAY_MS).toISOString();
    expect(await announce({ ...fair, effectiveAt: yesterday }, 'developer')).toBe(
      '400 PRICE_NOTICE_TOO_SHORT',
    );
    expect(await refusal(call('GET', `prices/${newId()}`))).toBe('404 MODEL_NOT_DEPLOYED');
    await expect(
      new Promise((resolve, reject) => {
        grpc.getPrice({ modelId: newId() }, serviceMetadata(TOKEN), (error, got) =>
          error ? reject(error) : resolve(got),
        );
      }),
    ).rejects.toThrow('MODEL_NOT_DEPLOYED');
  });

  it('grants a free tier that an operator prepaid, at the first look at the balance', async () => {
    const funding = { id: newId(), amountWei: '300' };
    const fund = (body: object, credential = 'operator') =>
      refusal(call('POST', 'sponsors/ecosystem/funding', credential, body));
    for (let times = 0; times < 2; times += 1) {
      const { status, body } = await call('POST', 'sponsors/ecosystem/funding', 'operator', funding);
      expect([status, body]).toEqual([200, { sponsor: 'ecosystem', availableWei: '300' }]);
    }
    expect(await fund({ ...funding, amountWei: '301' })).toBe('409 FUNDING_CONFLICT');
    expect(await fund({ id: newId(), amountWei: '999' })).toBe('402 INSUFFICIENT_BALANCE');
    expect(await fund({ id: newId(), amountWei: '0' })).toBe('400 REQUEST_INVALID');
    expect(await fund(funding, 'developer')).toBe('403 NOT_AN_OPERATOR');
    expect(await refusal(call('GET', 'free-tier', 'payer'))).toBe('404 FREE_TIER_NONE');

    const before = BigInt((await balance()).availableWei);
    const tier = { sponsor: 'ecosystem', monthlyWei: '120' };
    expect(await refusal(call('PUT', `free-tiers/${PAYER}`, 'payer', tier))).toBe('403 NOT_AN_OPERATOR');
    expect((await call('PUT', `free-tiers/${PAYER}`, 'operator', tier)).body).toEqual(tier);
    expect(BigInt((await balance()).availableWei)).toBe(before + 120n);
    expect((await call('GET', 'balance', 'payer')).body.availableWei).toBe(String(before + 120n));
    expect((await call('GET', 'free-tier', 'reader')).body).toMatchObject({
      ...tier,
      grant: { unspentWei: '120' },
    });
    expect((await call('GET', 'sponsors/ecosystem', 'operator')).body.availableWei).toBe('180');
  });

  it('keeps an organisation within its budget, and tells it', async () => {
    expect(await refusal(call('GET', 'budget', 'payer'))).toBe('404 BUDGET_NOT_SET');
    const { spentWei } = (await call('PUT', 'budget', 'payer', { monthlyWei: '1000' })).body;
    const monthlyWei = String(BigInt(spentWei) + 100n);
    const { status, body } = await call('PUT', 'budget', 'payer', {
      monthlyWei,
      alertPercents: [100, 1, 100],
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ monthlyWei, spentWei, leftWei: '100', alertPercents: [1, 100] });
    await expect(lease('101')).rejects.toThrow('BUDGET_EXCEEDED');
    expect(await lease('60')).toMatchObject({ grantedWei: '60' });
    expect((await call('GET', 'budget', 'reader')).body).toMatchObject({ setAsideWei: '60', leftWei: '40' });
    await serve(20);
    await eventually(() =>
      expect(told.filter((one) => one === `settlement.budget-alert.v1 ${PAYER}`)).toHaveLength(2),
    );
    expect((await call('GET', 'budget', 'reader')).body.toldPercents).toEqual([1, 100]);
    expect(await refusal(call('PUT', 'budget', 'reader', { monthlyWei }))).toBe('403 SCOPE_MISSING');
    for (const wrong of [{ monthlyWei: '-1' }, { monthlyWei: 5 }, { monthlyWei, alertPercents: [0] }, {}]) {
      expect(await refusal(call('PUT', 'budget', 'payer', wrong))).toBe('400 REQUEST_INVALID');
    }
    expect((await call('DELETE', 'budget', 'payer')).status).toBe(204);
    expect(await refusal(call('GET', 'budget', 'payer'))).toBe('404 BUDGET_NOT_SET');
  });

  it('refunds an answer once, by an operator, and gives the payer a credit note', async () => {
    const requestId = await serve(50);
    const asked = { id: newId(), requestId, amountWei: '20', reason: 'quality', note: 'wrong tongue' };
    const refund = (fields: object, credential = 'operator') =>
      call('POST', 'refunds', credential, { ...asked, ...fields });
    const before = BigInt((await balance()).availableWei);
    const [one, two] = [await refund({}), await refund({})];
    expect([one.status, two.body]).toEqual([200, one.body]);
    expect(one.body).toMatchObject({
      creditNote: expect.stringMatching(/^CN-\d{4}-000001$/),
      amountWei: '20',
      feeWei: '50',
    });
    expect(BigInt((await balance()).availableWei)).toBe(before + 20n);
    await eventually(() => expect(told).toContain(`settlement.refunded.v1 ${PAYER}`));

    expect(await refusal(refund({ amountWei: '21' }))).toBe('409 REFUND_CONFLICT');
    expect(await refusal(refund({ id: newId(), amountWei: '31' }))).toBe('409 REFUND_EXCEEDS_FEE');
    expect(await refusal(refund({ id: newId(), amountWei: undefined }))).toBe(
      '412 PLATFORM_FUNDS_INSUFFICIENT',
    );
    expect(await refusal(refund({ id: newId(), requestId: newId() }))).toBe('404 RECEIPT_UNKNOWN');
    for (const wrong of [{ amountWei: '-1' }, { amountWei: '0' }, { reason: 'why not' }, { id: 'x' }]) {
      expect(await refusal(refund(wrong))).toBe('400 REQUEST_INVALID');
    }
    expect(await refusal(refund({ id: newId() }, 'payer'))).toBe('403 NOT_AN_OPERATOR');

    const { body } = await call('GET', 'credit-notes?limit=1', 'reader');
    expect(body).toEqual({ creditNotes: [one.body], nextBefore: one.body.creditNote });
    const next = await call('GET', `credit-notes?limit=1&before=${body.nextBefore}`, 'payer');
    expect(next.body).toEqual({ creditNotes: [], nextBefore: null });
    expect((await call('GET', 'credit-notes', 'developer')).body.creditNotes).toEqual([]);
    expect(await refusal(call('GET', 'credit-notes?before=1', 'payer'))).toBe('400 REQUEST_INVALID');
  });
});
