import { newId } from '@openledger/kernel';
import { sendAndWait } from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { eventually, testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import {
  type SendOptions,
  type SendStep,
  SendTransactions,
} from '../src/application/chain/send-transactions.js';
import { WatchChain } from '../src/application/chain/watch-chain.js';
import type { CloseEpoch } from '../src/application/epochs/close-epoch.js';
import { accrualOf, CLEARING, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import type { EthereumReader } from '../src/outbound/chain/ethereum-reader.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { PostgresQueries } from '../src/outbound/postgres-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';
import { chainReader, chainSender } from './chain-parts.js';
import { epochsOn } from './epochs-fixture.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const ALICE = '0x00000000000000000000000000000000000a11ce';
const BOB = '0x0000000000000000000000000000000000000b0b';
const NOW = new Date('2026-11-20T12:00:00Z');

class Crash extends Error {}

describe('settlement on a chain', () => {
  let fixture: ChainFixture;
  let database: Database;
  let store: PostgresSettlementStore;
  let queries: PostgresQueries;
  let reader: EthereumReader;
  let watch: WatchChain;
  let closeEpoch: CloseEpoch;

  beforeEach(async () => {
    fixture = await startChain();
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    const contracts = new EthereumPayoutContracts(fixture.vault, fixture.distributor);
    queries = new PostgresQueries(database, contracts);
    reader = chainReader(fixture);
    watch = new WatchChain(store, reader, { startBlock: 0, confirmations: 1 });
    ({ closeEpoch } = epochsOn(database, contracts, fixture.deployment.distributor));
  });
  afterEach(async () => {
    await database.close();
    await fixture.chain.stop();
  });

  /** A new one each time, as after a restart. */
  const sender = (options: Partial<SendOptions> = {}) =>
    new SendTransactions(store, chainSender(fixture), reader, {
      finality: { blocks: 64 },
      replaceAfterMs: 60_000,
      attemptsMax: 8,
      ...options,
    });
  const catchUp = () => watch.catchUp(() => NOW);
  const available = async () => (await queries.balance(ORGANISATION)).availableWei;
  const rpc = (method: string, params: unknown[]) => fixture.chain.provider.send(method, params);
  const outbox = async (topic: string) => {
    const rows = await database.query<{ body: Buffer }>('SELECT body FROM outbox WHERE topic = $1', [topic]);
    return rows.map((row) => JSON.parse(row.body.toString('utf8')));
  };
  const earn = (payeeId: string, amountWei: bigint, reference = newId()) =>
    store.transaction((tx) =>
      tx.ledger.post([
        single({ debit: payer(ORGANISATION), credit: CLEARING, amountWei, reason: 'fee', reference }),
        single({
          debit: CLEARING,
          credit: accrualOf({ role: 'contributor', payeeId }),
          amountWei,
          reason: 'split',
          reference,
        }),
      ]),
    );
  const register = (id: string, wallet: string) =>
    store.transaction((tx) => tx.metering.savePayee({ id, name: id, wallet }));
  /** Signs as the vault itself: what a broken token or a stolen contract could do. */
  const vaultSigner = async () => {
    await rpc('anvil_impersonateAccount', [fixture.deployment.vault]);
    await fixture.chain.setBalance(fixture.deployment.vault, 10n * OPEN);
    return fixture.chain.provider.getSigner(fixture.deployment.vault);
  };
  const expectBalanced = async () => {
    const trial = await queries.trialBalance();
    expect(trial.debitsWei).toBe(trial.creditsWei);
    const [assets] = await database.query<{ vault: string; distributor: string }>(
      `SELECT sum(debits_posted - credits_posted) FILTER (WHERE id = 'chain:vault') AS vault,
         coalesce(sum(debits_posted - credits_posted) FILTER (WHERE id = 'chain:distributor'), 0) AS distributor
       FROM account`,
    );
    expect(BigInt(assets?.vault ?? 0)).toBe(await fixture.token.balanceOf(fixture.deployment.vault));
    expect(BigInt(assets?.distributor ?? 0)).toBe(
      await fixture.token.balanceOf(fixture.deployment.distributor),
    );
  };

  it('credits each deposit once, also one that names nobody', async () => {
    await fixture.deposit(ORGANISATION, 5n * OPEN);
    await fixture.deposit(ORGANISATION, 2n * OPEN);
    await sendAndWait(fixture.payer, fixture.vault.deposit(`0x${'1'.repeat(64)}`, OPEN));
    await catchUp();
    await catchUp();
    expect(await available()).toBe(7n * OPEN);
    await expectBalanced();
  });

  it('waits for as many confirmations as it is told to', async () => {
    const careful = new WatchChain(store, reader, { startBlock: 0, confirmations: 3 });
    await fixture.deposit(ORGANISATION, OPEN);
    await careful.catchUp(() => NOW);
    expect(await available()).toBe(0n);
    await rpc('anvil_mine', ['0x2']);
    await careful.catchUp(() => NOW);
    expect(await available()).toBe(OPEN);
  });

  it('takes a deposit back that a reorg removed, and remembers what was spent of it as a debt', async () => {
    await fixture.deposit(ORGANISATION, 3n * OPEN);
    await catchUp();
    await fixture.deposit(ORGANISATION, 2n * OPEN);
    await catchUp();
    await earn('alice', 4n * OPEN);
    await rpc('anvil_reorg', [1, []]);
    fixture.payer.reset();
    await catchUp();
    expect(await available()).toBe(0n);
    await expectBalanced();

    await fixture.deposit(ORGANISATION, 2n * OPEN);
    await catchUp();
    expect(await available()).toBe(OPEN);
    await expectBalanced();
  });

  it('closes an epoch: funds, posts the root, and pays exactly the leaf', async () => {
    await fixture.deposit(ORGANISATION, 100n * OPEN);
    await catchUp();
    await register('alice', ALICE);
    await register('bob', BOB);
    await earn('alice', 7n * OPEN + 1n);
    await earn('bob', 3n * OPEN);
    await earn('stranger', OPEN);
    const epoch = await closeEpoch.run(NOW);
    expect(epoch).toMatchObject({ epoch: 1, totalWei: 10n * OPEN + 1n, leafCount: 2, state: 'posting' });
    await expect(closeEpoch.run(NOW)).rejects.toMatchObject({ code: 'EPOCH_IN_PROGRESS' });
    expect(await queries.claim(ALICE)).toBeUndefined();

    const claim = await eventually(async () => {
      await sender().pass(NOW);
      const offered = await queries.claim(ALICE);
      expect(offered).toMatchObject({ epoch: 1, totalWei: 7n * OPEN + 1n, claimedWei: 0n });
      return offered;
    });
    expect(await outbox('settlement.epoch-closed.v1')).toMatchObject([
      { epoch: 1, root: epoch.root, leafCount: 2 },
    ]);
    await expect(closeEpoch.run(NOW)).rejects.toMatchObject({ code: 'NOTHING_TO_SETTLE' });

    const call = { epoch: 1, account: ALICE, totalWei: claim?.totalWei ?? 0n, proof: claim?.proof ?? [] };
    await sendAndWait(fixture.payer, fixture.distributor.claim(call));
    expect(await fixture.token.balanceOf(ALICE)).toBe(7n * OPEN + 1n);
    await catchUp();
    expect(await queries.claim(ALICE)).toMatchObject({ claimedWei: 7n * OPEN + 1n });
    expect(await queries.earnings('alice')).toMatchObject({ accruedWei: 0n, paidWei: 7n * OPEN + 1n });
    expect(await outbox('settlement.paid.v1')).toMatchObject([
      { epoch: 1, amountWei: (7n * OPEN + 1n).toString() },
    ]);
    await expectBalanced();

    await earn('alice', OPEN);
    await closeEpoch.run(NOW);
    await sender().pass(NOW);
    expect(await queries.claim(ALICE)).toMatchObject({
      epoch: 2,
      totalWei: 8n * OPEN + 1n,
      claimedWei: 7n * OPEN + 1n,
    });
    expect(await queries.claim(BOB)).toMatchObject({ epoch: 2, totalWei: 3n * OPEN });
    await expectBalanced();
  });

  const steps: [SendStep, string][] = [
    ['stored', 'fund:1'],
    ['broadcast', 'fund:1'],
    ['mined', 'fund:1'],
    ['stored', 'root:1'],
    ['broadcast', 'root:1'],
    ['mined', 'root:1'],
  ];
  it.each(steps)('funds and posts exactly once when it crashes after "%s" of %s', async (step, purpose) => {
    await fixture.deposit(ORGANISATION, 10n * OPEN);
    await catchUp();
    await register('alice', ALICE);
    await earn('alice', 4n * OPEN);
    await closeEpoch.run(NOW);
    const crashing = sender({
      onStep: (at, of) => {
        if (at === step && of === purpose) throw new Crash();
      },
    });
    // The chain mines when it does: a pass that comes before finds nothing to crash on.
    await eventually(() => expect(crashing.pass(NOW)).rejects.toThrow(Crash));
    await eventually(async () => {
      await sender().pass(NOW);
      expect(await outbox('settlement.epoch-closed.v1')).toHaveLength(1);
    });

    expect(await fixture.vault.totalFunded()).toBe(4n * OPEN);
    expect(await fixture.distributor.lastEpoch()).toBe(1);
    expect(await fixture.chain.provider.getTransactionCount(new Wallet(fixture.operatorKey).address)).toBe(2);
    expect(await outbox('settlement.epoch-closed.v1')).toHaveLength(1);
    await expectBalanced();
  });

  it('sends transactions again that a reorg dropped', async () => {
    await fixture.deposit(ORGANISATION, 10n * OPEN);
    await catchUp();
    await register('alice', ALICE);
    await earn('alice', 4n * OPEN);
    await closeEpoch.run(NOW);
    await sender().pass(NOW);
    await rpc('anvil_reorg', [2, []]);
    expect(await fixture.distributor.lastEpoch()).toBe(0);
    for (let passes = 0; passes < 4; passes += 1) await sender().pass(NOW);
    expect(await fixture.distributor.lastEpoch()).toBe(1);
    expect(await fixture.vault.totalFunded()).toBe(4n * OPEN);
    await catchUp();
    await expectBalanced();
  });

  it('raises both fees of a transaction that is not mined, under the same nonce', async () => {
    await fixture.deposit(ORGANISATION, 10n * OPEN);
    await catchUp();
    await register('alice', ALICE);
    await earn('alice', 4n * OPEN);
    await closeEpoch.run(NOW);
    await rpc('evm_setAutomine', [false]);
    await sender().pass(NOW);
    await sender().pass(new Date(NOW.getTime() + 61_000));
    const attempts = await database.query<{ max_fee_wei: string; tip_wei: string }>(
      'SELECT max_fee_wei, tip_wei FROM chain_attempt ORDER BY created_at',
    );
    const [first, second] = attempts.map((row) => [BigInt(row.max_fee_wei), BigInt(row.tip_wei)]);
    expect(attempts).toHaveLength(2);
    for (const index of [0, 1]) {
      // 12.5 % is what the strictest clients ask for.
      expect((second?.[index] ?? 0n) * 1000n >= (first?.[index] ?? 0n) * 1125n).toBe(true);
    }
    await rpc('evm_setAutomine', [true]);
    await rpc('evm_mine', []);
    await sender().pass(NOW);
    expect(await fixture.vault.totalFunded()).toBe(4n * OPEN);
    expect(await fixture.distributor.lastEpoch()).toBe(1);
  });

  it('sends a reverted transaction again, but not before the revert is final', async () => {
    await fixture.deposit(ORGANISATION, 10n * OPEN);
    await catchUp();
    await register('alice', ALICE);
    await earn('alice', 4n * OPEN);
    await closeEpoch.run(NOW);
    await rpc('evm_setAutomine', [false]);
    await sender().pass(NOW);
    const thief = await vaultSigner();
    const { address } = fixture.token;
    const transfer = {
      ...fixture.token.transfer(ALICE, 7n * OPEN),
      maxFeePerGas: 10n ** 12n,
      maxPriorityFeePerGas: 10n ** 11n,
    };
    const theft = await thief.sendTransaction({ ...transfer, to: address, gasLimit: 100_000n });
    await rpc('evm_mine', []);
    await theft.wait();
    await rpc('evm_setAutomine', [true]);
    await sender({ finality: { blocks: 3 } }).pass(NOW);
    expect(await queries.stuck()).toMatchObject([{ purpose: 'fund:1', state: 'failed' }]);

    await sendAndWait(fixture.payer, fixture.token.transfer(fixture.deployment.vault, 7n * OPEN));
    await sender({ finality: { blocks: 3 } }).pass(NOW);
    expect(await fixture.vault.totalFunded()).toBe(0n);
    await rpc('anvil_mine', ['0x3']);
    for (let passes = 0; passes < 3; passes += 1) await sender({ finality: { blocks: 3 } }).pass(NOW);
    expect(await fixture.vault.totalFunded()).toBe(4n * OPEN);
    expect(await fixture.distributor.lastEpoch()).toBe(1);
    expect(await queries.stuck()).toEqual([]);
  });

  it('writes down why a contract refuses, and tries again', async () => {
    await fixture.deposit(ORGANISATION, 10n * OPEN);
    await catchUp();
    await register('alice', ALICE);
    await earn('alice', 4n * OPEN);
    await closeEpoch.run(NOW);
    await sendAndWait(await vaultSigner(), fixture.token.transfer(ALICE, 7n * OPEN));
    await sender().pass(NOW);
    expect(await queries.stuck()).toMatchObject([
      { purpose: 'fund:1', state: 'queued', error: expect.stringContaining('CHAIN_EXCEEDS_BALANCE') },
    ]);
    await sendAndWait(fixture.payer, fixture.token.transfer(fixture.deployment.vault, 7n * OPEN));
    await sender().pass(NOW);
    expect(await queries.stuck()).toEqual([]);
    // The chain answers a transaction before it has mined it.
    await eventually(async () => expect(await fixture.distributor.lastEpoch()).toBe(1));
  });
});
