import type { Principal } from '@openledger/auth';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { newId } from '@openledger/kernel';
import { chainSettings, developmentWallet, payerAccount, sendAndWait } from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { type RunningService, startService } from '@openledger/service-host';
import { eventually, KnownCallers, testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import { settlement } from '../src/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';
import { escrowOf } from './chain-parts.js';

const PAYER = newId();
const operatorWallet = Wallet.createRandom().address;
const callers: Readonly<Record<string, Partial<Principal>>> = {
  payer: { organisationId: PAYER },
  operator: { organisationId: newId(), walletAddress: operatorWallet },
  stranger: { organisationId: newId() },
};

describe('money from the chain over REST', () => {
  let fixture: ChainFixture;
  let eventLog: MemoryEventLog;
  let service: RunningService;
  let database: Database;

  beforeAll(async () => {
    fixture = await startChain();
    eventLog = new MemoryEventLog();
    const url = await testDatabase();
    service = await startService(settlement, {
      env: {
        DATABASE_URL: url,
        SERVICE_TOKEN: 'x'.repeat(32),
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'fatal',
        CHAIN_RPC_URL: fixture.chain.rpcUrl,
        CHAIN_WITNESS_RPC_URLS: `${fixture.chain.rpcUrl}/?key=secret`,
        CHAIN_POLL_MS: '50',
        SETTLEMENT_VOUCHER_CLAIM_MS: '1',
        ...chainSettings(fixture.deployment),
        SETTLEMENT_OPERATOR_KEY: fixture.operatorKey,
        SETTLEMENT_OPERATOR_WALLETS: operatorWallet,
      },
      authenticator: new KnownCallers((credential) => callers[credential]),
      eventLog,
    });
    database = await Database.open({ url, schema: 'settlement', migrations: settlement.migrations });
  });
  afterAll(async () => {
    await database.close();
    await service.stop();
    await eventLog.close();
    await fixture.chain.stop();
  });

  const call = async (method: string, path: string, credential: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${service.httpPort}/settlement/${path}`, {
      method,
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) };
  };

  it('takes a voucher, claims it, and shows both sides', async () => {
    const { deployment, payer, token } = fixture;
    const escrow = escrowOf(fixture);
    const config = {
      payer: developmentWallet(2).address,
      payerAuthorizer: developmentWallet(4).address,
      receiver: deployment.vault,
      receiverAuthorizer: new Wallet(fixture.operatorKey).address,
      token: deployment.token,
      withdrawDelay: 900,
      salt: payerAccount(PAYER),
    };
    await fixture.deposit(PAYER, OPEN);
    await sendAndWait(payer, token.approve(deployment.escrow, 10n * OPEN));
    await sendAndWait(payer, escrow.deposit(config, 5n * OPEN));
    const signed = await escrow.signing.signVoucher(developmentWallet(4), config, 3n * OPEN);
    const body = {
      chainId: fixture.chain.chainId,
      channelConfig: config,
      maxClaimableAmount: signed.maxClaimableWei.toString(),
      signature: signed.signature,
    };
    await eventually(async () => {
      expect(await call('POST', 'vouchers', 'payer', body)).toMatchObject({
        status: 200,
        body: { acceptedWei: (3n * OPEN).toString() },
      });
    });
    expect(await call('POST', 'vouchers', 'payer', body)).toMatchObject({
      status: 200,
      body: { increaseWei: '0' },
    });
    expect(await call('POST', 'vouchers', 'stranger', body)).toMatchObject({
      status: 403,
      body: { code: 'VOUCHER_NOT_YOURS' },
    });
    const low = await escrow.signing.signVoucher(developmentWallet(4), config, OPEN);
    const lower = { ...body, maxClaimableAmount: OPEN.toString(), signature: low.signature };
    expect(await call('POST', 'vouchers', 'payer', lower)).toMatchObject({
      status: 402,
      body: { code: 'VOUCHER_TOO_LOW', details: { acceptedWei: (3n * OPEN).toString() } },
    });
    expect((await call('GET', 'balance', 'payer')).body.availableWei).toBe((4n * OPEN).toString());

    await eventually(
      async () =>
        expect(await call('GET', 'top-ups', 'payer')).toMatchObject({
          body: {
            deposits: [{ amountWei: OPEN.toString(), state: 'counted' }],
            vouchers: [{ maxClaimableWei: (3n * OPEN).toString(), state: 'claimed' }],
          },
        }),
      20_000,
    );
    await eventually(async () => expect(await token.balanceOf(deployment.vault)).toBe(4n * OPEN), 20_000);
    const { transactions } = (await call('GET', 'transactions', 'operator')).body;
    expect(transactions.map((one: { purpose: string }) => one.purpose.split(':')[0])).toEqual([
      'settle',
      'channels',
    ]);
    expect((await call('GET', 'top-ups', 'stranger')).body).toEqual({ deposits: [], vouchers: [] });
  });

  const bad: [string, unknown][] = [
    ['nothing', {}],
    ['a negative amount', { maxClaimableAmount: '-1' }],
    ['no amount', { maxClaimableAmount: '0' }],
    ['a fraction', { maxClaimableAmount: '1.5' }],
    ['a number in place of a string', { maxClaimableAmount: 1 }],
    ['an amount beyond 128 bits', { maxClaimableAmount: '9'.repeat(40) }],
    ['no signature', { signature: '0x' }],
    ['an endless signature', { signature: `0x${'11'.repeat(3_000)}` }],
    ['something unknown', { extra: true }],
  ];
  it.each(bad)('refuses a voucher with %s', async (_, over) => {
    const address = developmentWallet(3).address;
    const good = {
      chainId: fixture.chain.chainId,
      channelConfig: {
        payer: address,
        payerAuthorizer: address,
        receiver: address,
        receiverAuthorizer: address,
        token: address,
        withdrawDelay: 900,
        salt: payerAccount(PAYER),
      },
      maxClaimableAmount: '1',
      signature: `0x${'11'.repeat(65)}`,
    };
    const body = Object.keys(over as object).length === 0 ? {} : { ...good, ...(over as object) };
    expect((await call('POST', 'vouchers', 'payer', body)).status).toBe(400);
  });

  it('lets operators see and resolve cases, and nobody else', async () => {
    await new PostgresSettlementStore(database).transaction((tx) =>
      tx.cases.open(
        { freezes: 'payouts', code: 'VAULT_SHORT', subject: 'chain:vault', expected: '2', actual: '1' },
        new Date(),
      ),
    );
    expect(await call('GET', 'cases', 'operator')).toMatchObject({ status: 200 });
    const { cases } = (await call('GET', 'cases', 'operator')).body;
    expect(cases).toMatchObject([{ code: 'VAULT_SHORT', freezes: 'payouts' }]);
    const path = `cases/${cases[0].id}/resolve`;
    expect((await call('POST', path, 'payer', { reason: 'mine' })).body.code).toBe('NOT_AN_OPERATOR');
    expect((await call('POST', path, 'operator', { reason: ' ' })).status).toBe(400);
    expect((await call('POST', 'cases/x/resolve', 'operator', { reason: 'x' })).status).toBe(404);
    expect(await call('POST', path, 'operator', { reason: 'counted by hand' })).toMatchObject({
      status: 200,
      body: { resolved: { by: operatorWallet, reason: 'counted by hand' } },
    });
  });

  it('shows endpoints without what may be a key', async () => {
    const { endpoints } = (await call('GET', 'endpoints', 'operator')).body;
    expect(endpoints).toMatchObject([{ name: fixture.chain.rpcUrl }, { name: 'endpoint 2' }]);
    expect(JSON.stringify(endpoints)).not.toContain('secret');
  });
});
