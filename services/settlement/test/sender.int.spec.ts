import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import {
  type SendOptions,
  type SendStep,
  SendTransactions,
} from '../src/application/chain/send-transactions.js';
import type { SigningPolicy } from '../src/domain/chain/signing-policy.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, startChain } from './chain-fixture.js';
import { chainReader, chainSender, escrowOf, policyOf } from './chain-parts.js';
import { StrictPool } from './strict-pool.js';

const NOW = new Date('2026-11-20T12:00:00Z');
const after = (ms: number) => new Date(NOW.getTime() + ms);
/** GasPriceOracle of the OP Stack. */
const L1_ORACLE = '0x420000000000000000000000000000000000000F';

class Crash extends Error {}

describe('sending through a strict and faulty node', () => {
  let fixture: ChainFixture;
  let pool: StrictPool;
  let url: string;
  let database: Database;
  let store: PostgresSettlementStore;
  let operator: Wallet;

  beforeAll(async () => {
    fixture = await startChain();
    operator = new Wallet(fixture.operatorKey, fixture.chain.provider);
  });
  afterAll(() => fixture.chain.stop());
  let snapshot: unknown;
  beforeEach(async () => {
    snapshot = await rpc('evm_snapshot', []);
    pool = await StrictPool.start(fixture.chain.provider, fixture.chain.chainId);
    url = await testDatabase();
    database = await Database.open({ url, schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
  });
  afterEach(async () => {
    await database.close();
    await pool.stop();
    await rpc('evm_setAutomine', [true]);
    await rpc('evm_revert', [snapshot]);
  });

  const rpc = (method: string, params: unknown[]) => fixture.chain.provider.send(method, params);
  const pages: string[] = [];
  /** A new one each time, as after a restart. */
  const sender = (options: Partial<SendOptions> = {}, policy: SigningPolicy = policyOf(fixture)) =>
    new SendTransactions(store, chainSender(fixture, pool.provider, policy), chainReader(fixture), {
      finality: { blocks: 64 },
      replaceAfterMs: 60_000,
      attemptsMax: 4,
      onPage: (purpose, reason) => pages.push(`${purpose} ${reason}`),
      ...options,
    });
  /** Harmless, and of no consequence for the books: sweeps an escrow that owes nothing. */
  const enqueue = (purpose: string) =>
    store.transaction((tx) =>
      tx.chain.enqueue({
        purpose,
        call: escrowOf(fixture).settle(fixture.deployment.vault, fixture.deployment.token),
      }),
    );
  const summaries = () => store.transaction((tx) => tx.chain.summaries(100));
  const stateOf = async (purpose: string) => (await summaries()).find((one) => one.purpose === purpose);
  const mined = () => fixture.chain.provider.getTransactionCount(operator.address, 'latest');

  it('sends the same bytes again until a node keeps them', async () => {
    pool.forget = 3;
    await enqueue('settle:1');
    const loop = sender();
    for (let passes = 0; passes < 5; passes += 1) await loop.pass(NOW);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', attempts: 1, nonce: 0 });
    expect(pool.sent).toHaveLength(4);
    expect(new Set(pool.sent).size).toBe(1);
    expect(await mined()).toBe(1);
  });

  it('takes a transaction for sent although the node answered with an error', async () => {
    await rpc('evm_setAutomine', [false]);
    pool.late = 1;
    await enqueue('settle:1');
    await expect(sender().pass(NOW)).rejects.toThrow();
    await sender().pass(NOW);
    await rpc('evm_mine', []);
    await sender().pass(NOW);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', attempts: 1 });
    expect(await mined()).toBe(1);
  });

  it('outbids itself as much as the strictest node asks for', async () => {
    await rpc('evm_setAutomine', [false]);
    await enqueue('settle:1');
    await sender().pass(NOW);
    await sender().pass(after(61_000));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'signed', attempts: 2, error: undefined });
    expect(new Set(pool.sent).size).toBe(2);
    await rpc('evm_mine', []);
    await sender().pass(after(62_000));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined' });
    expect(await mined()).toBe(1);
  });

  it('raises on at a node that asks for more, and pages an operator at the last fee', async () => {
    await rpc('evm_setAutomine', [false]);
    pool.replacePercent = 100;
    await enqueue('settle:1');
    await sender().pass(NOW);
    await sender().pass(after(61_000));
    pages.length = 0;
    for (let passes = 1; passes < 6; passes += 1) await sender().pass(after(61_000 + passes));
    const stuck = await stateOf('settle:1');
    expect(stuck).toMatchObject({ state: 'signed', attempts: 4 });
    expect(stuck?.error).toMatch(/^TRANSACTION_STUCK/);
    expect(stuck?.pagedAt).toBeDefined();
    expect(pages).toHaveLength(1);
    // What is in the pool is mined all the same, whichever attempt it is.
    await rpc('evm_mine', []);
    await sender().pass(after(120_000));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', error: undefined, pagedAt: undefined });
    expect(await mined()).toBe(1);
  });

  it('raises the fee of what a clock far ahead has signed', async () => {
    await rpc('evm_setAutomine', [false]);
    await enqueue('settle:1');
    await sender().pass(after(365 * 86_400_000));
    await sender().pass(NOW);
    expect(await stateOf('settle:1')).toMatchObject({ attempts: 2 });
    // A clock that goes back a little is no reason.
    await sender().pass(after(-1_000));
    expect(await stateOf('settle:1')).toMatchObject({ attempts: 2 });
  });

  it('does not send twice where receipts are withheld, and tells', async () => {
    pool.hidesReceipts = true;
    await enqueue('settle:1');
    const loop = sender({ finality: { blocks: 0 } });
    for (let passes = 0; passes < 4; passes += 1) await loop.pass(after(passes * 61_000));
    expect((await stateOf('settle:1'))?.error).toMatch(/^RECEIPT_MISSING/);
    expect(await mined()).toBe(1);
    pool.hidesReceipts = false;
    await loop.pass(after(300_000));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', nonce: 0, pagedAt: undefined });
    expect(await mined()).toBe(1);
  });

  it('fills the nonces that a lie about them left out', async () => {
    pool.nonceOffset = 2;
    await enqueue('settle:1');
    const loop = sender();
    await loop.pass(NOW);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'signed', nonce: 2 });
    pool.nonceOffset = 0;
    for (let passes = 1; passes < 10; passes += 1) await loop.pass(after(passes));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', nonce: 2 });
    expect((await summaries()).map(({ purpose, state }) => [purpose.split(':')[0], state])).toEqual([
      ['gap', 'mined'],
      ['gap', 'mined'],
      ['settle', 'mined'],
    ]);
    expect(await mined()).toBe(3);
  });

  it('sends nothing twice where a node tells too low a nonce', async () => {
    for (const purpose of ['settle:1', 'settle:2']) await enqueue(purpose);
    await sender().pass(NOW);
    expect(await mined()).toBe(2);
    pool.nonceOffset = -2;
    await rpc('evm_setAutomine', [false]);
    await enqueue('settle:3');
    const loop = sender();
    for (let passes = 0; passes < 6; passes += 1) await loop.pass(NOW);
    await rpc('evm_setAutomine', [true]);
    await rpc('evm_mine', []);
    for (let passes = 0; passes < 4; passes += 1) await loop.pass(NOW);
    expect((await summaries()).map(({ state }) => state)).toEqual(['mined', 'mined', 'mined']);
    expect(await mined()).toBe(3);
  });

  it('keeps its effects to one nonce when somebody else used the key, and stops payouts', async () => {
    await rpc('evm_setAutomine', [false]);
    await enqueue('settle:1');
    const loop = sender({ finality: { blocks: 3 } });
    await loop.pass(NOW);
    const thief = await operator.sendTransaction({
      to: operator.address,
      nonce: 0,
      maxFeePerGas: 10n ** 12n,
      maxPriorityFeePerGas: 10n ** 11n,
    });
    await rpc('evm_setAutomine', [true]);
    await rpc('evm_mine', []);
    await thief.wait();
    await loop.pass(after(61_000));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'signed' });
    await rpc('anvil_mine', ['0x3']);
    for (let passes = 2; passes < 5; passes += 1) await loop.pass(after(passes * 61_000));
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', nonce: 1 });
    expect(await mined()).toBe(2);
    const cases = await store.transaction((tx) => tx.cases.list(10));
    expect(cases).toMatchObject([
      { code: 'NONCE_FOREIGN', freezes: 'payouts', subject: `${operator.address}:0`, actual: thief.hash },
    ]);
    expect(await store.transaction((tx) => tx.cases.frozen('payouts'))).toBe(true);
  });

  it('keeps a second replica from sending at the same time', async () => {
    await enqueue('settle:1');
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = sender({ onStep: (step) => (step === 'stored' ? held : undefined) });
    const first = slow.pass(NOW);
    const other = await Database.open({ url, schema: 'settlement', migrations });
    try {
      const replica = new PostgresSettlementStore(other);
      // The first replica is between storing and broadcasting; this one finds the lock taken.
      let entered = true;
      while (entered) {
        entered = await replica.exclusively(`sender:${operator.address}`, async () => {});
      }
      release();
      await first;
      expect(await replica.exclusively(`sender:${operator.address}`, async () => {})).toBe(true);
    } finally {
      await other.close();
    }
    expect(await mined()).toBe(1);
  });

  it('counts what the layer below charges against the budget, and pages', async () => {
    // PUSH32 10^18 wei, MSTORE at 0, RETURN 32 bytes: getL1Fee of a dear day.
    const dear = (10n ** 18n).toString(16).padStart(64, '0');
    await rpc('anvil_setCode', [L1_ORACLE, `0x7f${dear}60005260206000f3`]);
    await enqueue('settle:1');
    pages.length = 0;
    await sender().pass(NOW);
    expect(pages).toEqual([expect.stringContaining('SIGNER_BUDGET_SPENT')]);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'queued', nonce: undefined, attempts: 0 });
    expect(pool.sent).toEqual([]);
    // 130 % of the estimate, and the transaction's own gas.
    await sender({}, { ...policyOf(fixture), dailyCostWei: 2n * 10n ** 18n }).pass(NOW);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined' });
    await enqueue('settle:2');
    await sender({}, { ...policyOf(fixture), dailyCostWei: 2n * 10n ** 18n }).pass(after(1_000));
    expect((await stateOf('settle:2'))?.error).toMatch(/^SIGNER_BUDGET_SPENT/);
    await sender({}, { ...policyOf(fixture), dailyCostWei: 2n * 10n ** 18n }).pass(after(86_500_000));
    expect(await stateOf('settle:2')).toMatchObject({ state: 'mined' });
  });

  const steps: SendStep[] = ['stored', 'broadcast', 'raised', 'mined'];
  it.each(steps)('has its effect once when it crashes after "%s" of a raised fee', async (step) => {
    await rpc('evm_setAutomine', [false]);
    await enqueue('settle:1');
    let crashes = 0;
    const crashing = sender({
      onStep: (at) => {
        if (at !== step) return;
        crashes += 1;
        throw new Crash();
      },
    });
    const tries = async (now: Date) =>
      crashing.pass(now).catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
    await tries(NOW);
    await sender().pass(NOW);
    await tries(after(61_000));
    await rpc('evm_mine', []);
    await tries(after(62_000));
    await sender().pass(after(63_000));
    expect(crashes).toBeGreaterThan(0);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', nonce: 0 });
    expect(await mined()).toBe(1);
  });

  it('tells an operator what a node refuses, and goes on when it is mended', async () => {
    await enqueue('settle:1');
    pool.refusesWith = 'insufficient funds for gas * price + value';
    await sender().pass(NOW);
    expect((await stateOf('settle:1'))?.error).toMatch(/^BROADCAST_REFUSED: insufficient funds/);
    pool.refusesWith = undefined;
    await sender().pass(NOW);
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined', error: undefined, pagedAt: undefined });
  });

  it('signs no payout while a case is open, and lets the rest through', async () => {
    await store.transaction((tx) =>
      tx.cases.open({ freezes: 'payouts', code: 'TEST', subject: 'x', expected: '1', actual: '2' }, NOW),
    );
    await store.transaction((tx) =>
      tx.chain.enqueue({ purpose: 'fund:1', call: { to: fixture.deployment.vault, data: '0x' } }),
    );
    await enqueue('settle:1');
    await sender().pass(NOW);
    expect(await stateOf('fund:1')).toMatchObject({ state: 'queued', attempts: 0 });
    expect(await stateOf('settle:1')).toMatchObject({ state: 'mined' });
  });
});
