import { credentials } from '@grpc/grpc-js';
import type { Principal } from '@openledger/auth';
import { SettlementServiceClient, type Topic, topics } from '@openledger/contracts';
import { type EventLog, type EventRecord } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { newId, PPB } from '@openledger/kernel';
import { chainSettings, sendAndWait } from '@openledger/onchain';
import { type RunningService, serviceMetadata, startService } from '@openledger/service-host';
import { eventually, KnownCallers, publish as publishOn, testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import { settlement } from '../src/index.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';

const TOKEN = 'x'.repeat(32);
const PAYER = '0190f3a0-0000-7000-8000-000000000001';
const DEVELOPER = '0190f3a0-0000-7000-8000-000000000002';
const alice = { id: newId(), wallet: Wallet.createRandom().address };
const bob = { id: newId(), wallet: Wallet.createRandom().address };
const developerWallet = Wallet.createRandom().address;
const NOW = new Date('2026-11-20T12:00:00Z');
const model = newId();

const callers: Readonly<Record<string, Partial<Principal>>> = {
  payer: { organisationId: PAYER },
  alice: { personId: alice.id, walletAddress: alice.wallet },
  nobody: { scopes: new Set() },
};

describe('the settlement service', () => {
  let fixture: ChainFixture;
  let eventLog: EventLog;
  let service: RunningService;
  let grpc: SettlementServiceClient;
  const published: EventRecord[] = [];

  beforeAll(async () => {
    fixture = await startChain();
    eventLog = new MemoryEventLog();
    service = await startService(settlement, {
      env: {
        DATABASE_URL: await testDatabase(),
        SERVICE_TOKEN: TOKEN,
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'error',
        CHAIN_RPC_URL: fixture.chain.rpcUrl,
        ...chainSettings(fixture.deployment),
        CHAIN_POLL_MS: '50',
        SETTLEMENT_OPERATOR_KEY: fixture.operatorKey,
      },
      authenticator: new KnownCallers((credential) => callers[credential]),
      eventLog,
    });
    await eventLog.subscribe({
      group: 'spec',
      topics: [topics.settlementCredited.name, topics.epochClosed.name, topics.settlementPaid.name],
      handle: async (record) => void published.push(record),
    });
    grpc = new SettlementServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure());
  });
  afterAll(async () => {
    grpc.close();
    await service.stop();
    await eventLog.close();
    await fixture.chain.stop();
  });

  const publish = async <T>(topic: Topic<T>, message: T, repeats = 1) => {
    const id = newId();
    for (let i = 0; i < repeats; i += 1) await publishOn(eventLog, topic, message, id);
  };
  const call = async (path: string, credential?: string, method = 'GET') => {
    const headers: Record<string, string> = credential ? { authorization: `Bearer ${credential}` } : {};
    const response = await fetch(`http://127.0.0.1:${service.httpPort}/settlement/${path}`, {
      method,
      headers,
    });
    return { status: response.status, body: JSON.parse(await response.text()) };
  };
  const hold = (requestId: string, completionTokensMax: number) =>
    new Promise<{ heldWei: string }>((resolve, reject) => {
      const request = {
        requestId,
        organisationId: PAYER,
        modelId: model,
        promptTokens: 1_000,
        completionTokensMax,
      };
      grpc.holdBalance(request, serviceMetadata(TOKEN), (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  const bodiesOf = (topic: string) =>
    published
      .filter((record) => record.type === topic)
      .map((record) => JSON.parse(Buffer.from(record.body).toString()));

  it('takes a prepayment from the chain', async () => {
    const chain = await call('chain');
    const { chainId, token, vault, distributor, escrow, stakeRegistry } = fixture.deployment;
    const { paramRegistry, attributionRegistry } = fixture.deployment;
    expect(chain.body).toEqual({
      ...{ chainId, token, vault, distributor, escrow, stakeRegistry, paramRegistry, attributionRegistry },
      rpcUrl: fixture.chain.rpcUrl,
    });
    const { body } = await call('balance', 'payer');
    expect(body.deposit.vault).toBe(fixture.deployment.vault);
    await sendAndWait(fixture.payer, fixture.vault.deposit(body.deposit.account, 10n * OPEN));
    await eventually(async () => {
      expect((await call('balance', 'payer')).body).toMatchObject({
        availableWei: (10n * OPEN).toString(),
        heldWei: '0',
      });
    });
  });

  it('learns of models and payees, and holds money for a request', async () => {
    await publish(
      topics.modelDeployed,
      topics.modelDeployed.message.create({
        modelId: model,
        name: 'seedling-health',
        developerOrganisationId: DEVELOPER,
        baseDigest: 'base',
        price: {
          promptWeiPerMillion: (100n * OPEN).toString(),
          completionWeiPerMillion: (333n * OPEN).toString(),
        },
        deployedAt: NOW,
      }),
    );
    for (const person of [alice, bob]) {
      const message = {
        contributorId: person.id,
        displayName: 'someone',
        walletAddress: person.wallet,
        registeredAt: NOW,
      };
      await publish(topics.contributorRegistered, message);
    }
    await publish(topics.organisationCreated, {
      organisationId: DEVELOPER,
      name: 'the developer',
      ownerPersonId: newId(),
      walletAddress: developerWallet,
      createdAt: NOW,
    });
    const held = await eventually(() => hold('request-1', 1_000));
    expect(held.heldWei).toBe((433n * 10n ** 15n).toString());
    await expect(hold('request-2', 100_000_000)).rejects.toMatchObject({
      code: 9,
      details: expect.stringContaining('INSUFFICIENT_BALANCE'),
    });
    expect((await call('balance', 'payer')).body.heldWei).toBe(held.heldWei);
  });

  it('charges, splits to the wei and tells, however often the events come', async () => {
    await publish(
      topics.attributionScored,
      topics.attributionScored.message.create({
        requestId: 'request-1',
        modelId: model,
        adapterDigest: 'adapter',
        contributors: [
          {
            contributorId: alice.id,
            partyId: alice.id,
            influencePpb: 700_000_000,
            contextPpb: 0,
            basePpb: 333_333_333,
          },
          {
            contributorId: bob.id,
            partyId: bob.id,
            influencePpb: 100_000_000,
            contextPpb: 0,
            basePpb: 666_666_667,
          },
        ],
        baseModelPpb: 150_000_000,
        reservePpb: 50_000_000,
        reliabilityPpb: Number(PPB / 2n),
        evidenceBlob: '',
        scoredAt: NOW,
      }),
      3,
    );
    await publish(
      topics.inferenceServed,
      topics.inferenceServed.message.create({
        requestId: 'request-1',
        modelId: model,
        modelName: 'seedling-health',
        payerOrganisationId: PAYER,
        holdId: 'request-1',
        usage: { promptTokens: 1_000, completionTokens: 77 },
        servedAt: NOW,
      }),
      3,
    );
    const feeWei = 125_641n * 10n ** 12n;
    await eventually(async () => {
      expect((await call('receipts/request-1', 'payer')).body).toMatchObject({
        state: 'credited',
        feeWei: feeWei.toString(),
      });
    });
    await eventually(() => expect(bodiesOf(topics.settlementCredited.name)).toHaveLength(1));
    const [credited] = bodiesOf(topics.settlementCredited.name);
    const sum = credited.parts.reduce(
      (total: bigint, part: { amountWei: string }) => total + BigInt(part.amountWei),
      0n,
    );
    expect(sum).toBe(feeWei);
    expect((await call('balance', 'payer')).body).toMatchObject({
      availableWei: (10n * OPEN - feeWei).toString(),
      heldWei: '0',
    });
  });

  it('shows its operator who told something else of an answer', async () => {
    await publish(
      topics.inferenceServed,
      topics.inferenceServed.message.create({
        requestId: 'request-1',
        modelId: model,
        payerOrganisationId: PAYER,
        usage: { promptTokens: 1, completionTokens: 1 },
        servedAt: NOW,
      }),
    );
    await eventually(async () => {
      expect((await call('refused-events', 'payer')).body).toMatchObject({
        events: [{ requestId: 'request-1', code: 'REQUEST_ID_REUSED' }],
      });
    });
    expect((await call('refused-events', 'nobody')).body).toMatchObject({ code: 'SCOPE_MISSING' });
  });

  it('shows receipts and earnings to whom they concern', async () => {
    expect((await call('receipts/request-1', 'alice')).status).toBe(200);
    expect((await call('receipts/request-1', 'nobody')).body).toMatchObject({ code: 'RECEIPT_UNKNOWN' });
    expect((await call('receipts/request-1')).status).toBe(401);
    expect((await call(`earnings/${bob.id}`, 'alice')).body).toMatchObject({ code: 'EARNINGS_PRIVATE' });
    const { body } = await call(`earnings/${alice.id}`, 'alice');
    expect(body).toMatchObject({ contributorId: alice.id, accruedWei: body.earnedWei, paidWei: '0' });
    expect(BigInt(body.earnedWei)).toBeGreaterThan(0n);
    expect(body.recent).toMatchObject([
      { requestId: 'request-1', role: 'contributor', amountWei: body.earnedWei },
    ]);
    await eventually(async () => {
      expect((await call(`earnings/${alice.id}`, 'alice')).body).toMatchObject({
        byModel: [{ modelId: model, modelName: 'seedling-health', answers: 1, amountWei: body.earnedWei }],
        byDatanets: [{ datanetIds: [], amountWei: body.earnedWei }],
      });
    });
  });

  it('shows a payee the answers behind each transfer, and nobody else', async () => {
    const path = `earnings/${alice.id}/transfers`;
    expect((await call(path, 'payer')).body).toMatchObject({ code: 'EARNINGS_PRIVATE' });
    const { body } = await call(`${path}?limit=1`, 'alice');
    expect(body).toMatchObject({
      transfers: [{ role: 'contributor', amountWei: expect.stringMatching(/^[1-9]/) }],
      next: expect.stringMatching(/^\d+$/),
    });
    expect((await call(`${path}?limit=1&after=${body.next}`, 'alice')).body).toEqual({
      transfers: [],
      next: null,
    });
    const [transfer] = body.transfers;
    const answers = await call(`${path}/${transfer.transferId}`, 'alice');
    expect(answers.body).toMatchObject({
      answers: [{ requestId: 'request-1', modelId: model, amountWei: transfer.amountWei }],
      next: null,
    });
    expect((await call(`${path}/${newId()}`, 'alice')).body).toMatchObject({ code: 'EARNING_UNKNOWN' });
    expect((await call(`${path}/none`, 'alice')).status).toBe(404);
    expect((await call(`${path}?after=-1`, 'alice')).status).toBe(400);
  });

  it('closes an epoch on request, and the wallet gains exactly its leaf', async () => {
    expect((await call('epochs', 'nobody', 'POST')).body).toMatchObject({ code: 'SCOPE_MISSING' });
    expect((await call('epochs', 'payer', 'POST')).status).toBe(202);
    await eventually(async () => {
      expect((await call('epochs')).body).toMatchObject({
        epochs: [{ epoch: 1, state: 'active', leafCount: 3 }],
        stuck: [],
      });
    });
    const earned = (await call(`earnings/${alice.id}`, 'alice')).body.earnedWei;
    const { body: claim } = await call(`claims/${alice.wallet}`);
    expect(claim).toMatchObject({
      epoch: 1,
      totalWei: earned,
      claimableWei: earned,
      distributor: fixture.deployment.distributor,
    });

    const before = await fixture.token.balanceOf(alice.wallet);
    const argumentsOf = {
      epoch: claim.epoch,
      account: alice.wallet,
      totalWei: BigInt(claim.totalWei),
      proof: claim.proof,
    };
    await sendAndWait(fixture.payer, fixture.distributor.claim(argumentsOf));
    expect((await fixture.token.balanceOf(alice.wallet)) - before).toBe(BigInt(earned));

    await eventually(async () => {
      expect((await call(`claims/${alice.wallet}`)).body).toMatchObject({
        claimedWei: earned,
        claimableWei: '0',
      });
    });
    await eventually(() => {
      expect(bodiesOf(topics.settlementPaid.name)).toMatchObject([
        { walletAddress: alice.wallet, amountWei: earned },
      ]);
      expect(bodiesOf(topics.epochClosed.name)).toMatchObject([
        { epoch: 1, root: expect.stringMatching(/^0x/) },
      ]);
    });
    const { body: trial } = await call('trial-balance', 'payer');
    expect(trial.debitsWei).toBe(trial.creditsWei);
    expect(trial.clearingWei).toBe('0');
  });

  it('tells past balances, and shows that nothing was changed since', async () => {
    const { body: now } = await call('balance', 'payer');
    const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
    expect((await call(`balance?at=${ago(3_600_000)}`, 'payer')).body).toMatchObject({ availableWei: '0' });
    expect((await call(`balance?at=${ago(1)}`, 'payer')).body).toMatchObject({
      availableWei: now.availableWei,
    });
    expect((await call(`balance?at=${ago(-60_000)}`, 'payer')).body).toMatchObject({ code: 'TIME_AHEAD' });
    expect((await call('balance?at=yesterday', 'payer')).status).toBe(400);
    const [newest] = await eventually(async () => {
      const { blocks } = (await call('ledger/blocks')).body;
      expect(blocks).not.toEqual([]);
      return blocks;
    }, 30_000);
    expect((await call('ledger/verification', 'payer')).body).toMatchObject({ from: 1, intact: true });
    expect(newest.hash).toMatch(/^[0-9a-f]{64}$/);
    expect((await call('ledger/verification', 'nobody')).status).toBe(403);
    expect((await call('ledger/verification?from=0', 'payer')).status).toBe(400);
  }, 60_000);

  it('answers bad input with stable codes', async () => {
    expect((await call('claims/not-a-wallet')).status).toBe(400);
    expect((await call(`claims/${Wallet.createRandom().address}`)).body).toMatchObject({
      code: 'NOTHING_TO_CLAIM',
    });
    expect((await call('epochs', 'payer', 'POST')).body).toMatchObject({ code: 'NOTHING_TO_SETTLE' });
    expect((await call('epochs?limit=0')).status).toBe(400);
    expect((await call('balance', 'alice')).body).toMatchObject({ code: 'ORGANISATION_REQUIRED' });
    expect((await call('balance', 'stolen')).status).toBe(401);
  });
});
