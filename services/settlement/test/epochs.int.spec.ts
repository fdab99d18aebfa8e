import { newId } from '@openledger/kernel';
import { developmentWallet, ParamRegistry, sendAndWait } from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import fc from 'fast-check';
import { SendTransactions } from '../src/application/chain/send-transactions.js';
import { WatchChain } from '../src/application/chain/watch-chain.js';
import { accrualOf, CLEARING, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { RegistryStakers } from '../src/outbound/epochs/registry-stakers.js';
import { PostgresQueries } from '../src/outbound/postgres-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';
import { chainReader, chainSender, stakesOf } from './chain-parts.js';
import { epochsOn } from './epochs-fixture.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const NOW = new Date('2026-11-20T12:00:00Z');
const DELAY_S = 7_200;
const walletOf = (payee: string) => `0x${Buffer.from(payee).toString('hex').padStart(40, '0')}`;
const LENGTHS = { ledgerMs: 1_000, ledgersOfChain: 2 };

describe('chain epochs', () => {
  let fixture: ChainFixture;
  let database: Database;
  let store: PostgresSettlementStore;
  let params: ParamRegistry;
  let queries: PostgresQueries;
  let epochs: ReturnType<typeof epochsOn>;
  let send: SendTransactions;
  let watch: WatchChain;

  beforeEach(async () => {
    fixture = await startChain(DELAY_S);
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    params = new ParamRegistry(fixture.deployment.paramRegistry, fixture.chain.provider);
    const contracts = new EthereumPayoutContracts(fixture.vault, fixture.distributor, params);
    queries = new PostgresQueries(database, contracts);
    const stakers = new RegistryStakers(fixture.vault, stakesOf(fixture));
    epochs = epochsOn(database, contracts, fixture.deployment.distributor, stakers);
    const reader = chainReader(fixture);
    watch = new WatchChain(store, reader, { startBlock: 0, confirmations: 1 });
    send = new SendTransactions(store, chainSender(fixture), reader, {
      finality: { blocks: 64 },
      replaceAfterMs: 60_000,
      attemptsMax: 8,
    });
    await fixture.deposit(ORGANISATION, 1_000n * OPEN);
    await watch.catchUp(() => NOW);
  });
  afterEach(async () => {
    await database.close();
    await fixture.chain.stop();
  });

  const rpc = (method: string, params: unknown[]) => fixture.chain.provider.send(method, params);
  const register = (id: string) =>
    store.transaction((tx) => tx.metering.savePayee({ id, name: id, wallet: walletOf(id) }));
  const earn = (payeeId: string, amountWei: bigint) =>
    store.transaction(async (tx) => {
      await tx.epochs.open();
      const reference = newId();
      const credit = accrualOf({ role: 'contributor', payeeId });
      await tx.ledger.post([
        single({ debit: payer(ORGANISATION), credit: CLEARING, amountWei, reason: 'fee', reference }),
        single({ debit: CLEARING, credit, amountWei, reason: 'split', reference }),
      ]);
    });
  /** Funds and root, as far as the chain takes them, and what the chain says of it. */
  const settle = async () => {
    for (let passes = 0; passes < 3; passes += 1) await send.pass(NOW);
    await watch.catchUp(() => NOW);
  };
  const closeAndSettle = async () => {
    const epoch = await epochs.closeEpoch.run(NOW);
    await settle();
    return epoch;
  };
  const leavesOf = async (epoch: number) =>
    new Map((await epochs.records.leaves(epoch)).map((leaf) => [leaf.wallet, leaf.totalWei]));
  const later = async (seconds: number) => {
    await rpc('evm_increaseTime', [seconds]);
    await rpc('evm_mine', []);
  };
  const disable = async (epoch: number) => {
    const guardian = developmentWallet(0).connect(fixture.chain.provider);
    await sendAndWait(guardian, fixture.distributor.disableRoot(epoch));
    await watch.catchUp(() => NOW);
  };
  const vaultSigner = async () => {
    await rpc('anvil_impersonateAccount', [fixture.deployment.vault]);
    await fixture.chain.setBalance(fixture.deployment.vault, 10n * OPEN);
    return fixture.chain.provider.getSigner(fixture.deployment.vault);
  };
  const stateOf = async (epoch: number) =>
    (await queries.epochs(100, 100)).find((one) => one.epoch === epoch)?.state;

  /** E2 and E3: the books, the leaves, the root's total and what the distributor holds say the same. */
  const expectPromisesHold = async (epoch: number) => {
    const sum = [...(await leavesOf(epoch)).values()].reduce((all, wei) => all + wei, 0n);
    const [row] = await database.query<{ wei: string }>(
      "SELECT coalesce(sum(credits_posted - debits_posted), 0) AS wei FROM account WHERE id LIKE 'wallet:%'",
    );
    const claimed = await fixture.distributor.totalClaimed();
    expect(BigInt(row?.wei ?? 0) + claimed).toBe(sum);
    expect(await fixture.distributor.rootOf(epoch)).toMatchObject({ totalWei: sum });
    const held = await fixture.token.balanceOf(fixture.deployment.distributor);
    expect(held + claimed).toBeGreaterThanOrEqual(sum);
    const trial = await queries.trialBalance();
    expect(trial.debitsWei).toBe(trial.creditsWei);
  };

  it('leaves whoever is due less than the smallest payout for a later epoch', async () => {
    const administrator = developmentWallet(0).connect(fixture.chain.provider);
    const { epochLengthS, ...current } = await params.current();
    const now = (await fixture.chain.provider.getBlock('latest'))?.timestamp ?? 0;
    const effectiveAtS = now + 2 * epochLengthS;
    await sendAndWait(
      administrator,
      params.schedule({ ...current, epochLengthS, minPayoutWei: 100n, effectiveAtS }),
    );
    await later(2 * epochLengthS);
    for (const who of ['small', 'large']) await register(who);
    await earn('small', 99n);
    await expect(epochs.closeEpoch.run(NOW)).rejects.toMatchObject({ code: 'NOTHING_TO_SETTLE' });
    await earn('large', 100n);
    const { epoch } = await closeAndSettle();
    expect(await leavesOf(epoch)).toEqual(new Map([[walletOf('large'), 100n]]));
    await expectPromisesHold(epoch);

    await earn('small', 1n);
    const next = await closeAndSettle();
    expect((await leavesOf(next.epoch)).get(walletOf('small'))).toBe(100n);
    await expectPromisesHold(next.epoch);
  });

  it('E1, E2, E3: no leaf falls, leaves are what is owed, and what is owed is held, whatever happens', async () => {
    const payees = ['a', 'b', 'c', 'd'];
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('earn' as const),
        who: fc.constantFrom(...payees),
        wei: fc.bigInt(1n, 10n ** 16n),
      }),
      fc.record({ kind: fc.constant('register' as const), who: fc.constantFrom(...payees) }),
      fc.record({
        kind: fc.constantFrom('close' as const, 'disable' as const, 'claim' as const),
        who: fc.constantFrom(...payees),
      }),
    );
    await register('a');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25 }), async (steps) => {
        for (const { kind, who, ...rest } of steps) {
          const last = await fixture.distributor.lastEpoch();
          const before = await leavesOf(last);
          if (kind === 'earn') await earn(who, 'wei' in rest ? rest.wei : 1n);
          else if (kind === 'register') await register(who);
          else if (kind === 'disable' && last > 0 && !(await fixture.distributor.isActive(last))) {
            await disable(last);
            expect(await fixture.distributor.lastEpoch()).toBe(last - 1);
            expect(await stateOf(last)).toBe('disabled');
          } else if (kind === 'claim') {
            await later(DELAY_S);
            const claim = await queries.claim(walletOf(who));
            if (!claim || claim.totalWei <= claim.claimedWei) continue;
            const { epoch, totalWei, proof } = claim;
            await sendAndWait(
              fixture.payer,
              fixture.distributor.claim({ epoch, account: walletOf(who), totalWei, proof }),
            );
            await watch.catchUp(() => NOW);
          } else if (kind === 'close') {
            const closed = await closeAndSettle().catch((error: unknown) => error);
            if (closed instanceof Error) {
              expect(closed).toMatchObject({ code: 'NOTHING_TO_SETTLE' });
              continue;
            }
            const after = await leavesOf(last + 1);
            for (const [wallet, wei] of before) expect((after.get(wallet) ?? 0n) >= wei).toBe(true);
            await expectPromisesHold(last + 1);
          }
        }
      }),
      { numRuns: 4 },
    );
  }, 120_000);

  it('E5: a disabled root gives its number back, with what it paid to be corrected', async () => {
    await register('a');
    await earn('a', 5n * OPEN);
    const first = await closeAndSettle();
    await earn('a', 2n * OPEN);
    await earn('b', OPEN);
    await closeAndSettle();
    expect(await fixture.distributor.lastEpoch()).toBe(2);

    await disable(1);
    expect([await stateOf(1), await stateOf(2)]).toEqual(['disabled', 'disabled']);
    expect(await queries.claim(walletOf('a'))).toBeUndefined();
    expect(await queries.earnings('a')).toMatchObject({ accruedWei: 7n * OPEN, promisedWei: 0n });

    await register('b');
    const again = await closeAndSettle();
    expect(again).toMatchObject({ epoch: 1, revision: 2, totalWei: 8n * OPEN });
    expect(again.root).not.toBe(first.root);
    expect(await fixture.distributor.lastEpoch()).toBe(1);
    expect(await fixture.distributor.rootOf(1)).toMatchObject({ root: again.root, manifest: again.manifest });
    // The funds of the disabled roots stayed where they were: only what is new was sent after them.
    expect(await fixture.token.balanceOf(fixture.deployment.distributor)).toBe(8n * OPEN);
    await expectPromisesHold(1);

    await later(DELAY_S);
    const claim = await queries.claim(walletOf('a'));
    expect(claim).toMatchObject({ epoch: 1, totalWei: 7n * OPEN });
    await earn('b', OPEN);
    expect(await closeAndSettle()).toMatchObject({ epoch: 2, revision: 2 });
    await expectPromisesHold(2);
  });

  it('E5: gives a root up that was about to be posted on a disabled one', async () => {
    await register('a');
    await earn('a', 5n * OPEN);
    await closeAndSettle();
    await earn('a', 2n * OPEN);
    await rpc('evm_setAutomine', [false]);
    await epochs.closeEpoch.run(NOW);
    await send.pass(NOW);
    await rpc('evm_mine', []);
    await rpc('evm_setAutomine', [true]);
    await disable(1);
    expect([await stateOf(1), await stateOf(2)]).toEqual(['disabled', 'disabled']);
    await earn('a', OPEN);
    expect(await closeAndSettle()).toMatchObject({ epoch: 1, revision: 2, totalWei: 8n * OPEN });
    expect(await fixture.distributor.lastEpoch()).toBe(1);
    expect(await queries.stuck()).toEqual([]);
    await expectPromisesHold(1);
  });

  it('offers claims against the newest root that pays, and says when a newer one will', async () => {
    await register('a');
    await earn('a', 5n * OPEN);
    await closeAndSettle();
    await expect(queries.claim(walletOf('a'))).rejects.toMatchObject({
      code: 'CLAIM_NOT_ACTIVE',
      details: { epoch: 1, totalWei: (5n * OPEN).toString() },
    });
    await later(DELAY_S);
    await earn('a', OPEN);
    await closeAndSettle();
    const claim = await queries.claim(walletOf('a'));
    expect(claim).toMatchObject({ epoch: 1, totalWei: 5n * OPEN, next: { epoch: 2, totalWei: 6n * OPEN } });
    const { activatedAtS } = await fixture.distributor.rootOf(2);
    expect(claim?.next?.activeAt).toEqual(new Date(activatedAtS * 1_000));
    await sendAndWait(
      fixture.payer,
      fixture.distributor.claim({
        epoch: 1,
        account: walletOf('a'),
        totalWei: 5n * OPEN,
        proof: claim?.proof ?? [],
      }),
    );
    await later(DELAY_S);
    expect(await queries.claim(walletOf('a'))).toMatchObject({ epoch: 2, totalWei: 6n * OPEN });
  });

  it('E3: holds a root while the vault is short, and posts it when it is not', async () => {
    await register('a');
    await earn('a', 400n * OPEN);
    await sendAndWait(await vaultSigner(), fixture.token.transfer(walletOf('x'), 700n * OPEN));
    const held = await epochs.closeEpoch.run(NOW);
    expect(held).toMatchObject({ epoch: 1, state: 'held', heldCode: 'FUNDS_SHORT' });
    expect((await queries.epochs(10, 1))[0]).toMatchObject({ state: 'held', heldCode: 'FUNDS_SHORT' });
    await settle();
    expect(await fixture.distributor.lastEpoch()).toBe(0);
    await expect(epochs.closeEpoch.run(NOW)).rejects.toMatchObject({ code: 'EPOCH_IN_PROGRESS' });

    await sendAndWait(fixture.payer, fixture.token.transfer(fixture.deployment.vault, 700n * OPEN));
    await epochs.closeEpoch.tick(NOW, LENGTHS);
    await settle();
    expect(await stateOf(1)).toBe('active');
    await expectPromisesHold(1);
  });

  it('brings stakers their part once somebody stakes, whoever shares it', async () => {
    const registry = stakesOf(fixture);
    const accrue = () =>
      store.transaction(async (tx) => {
        const reference = newId();
        const credit = accrualOf({ role: 'stakers', payeeId: '' });
        await tx.ledger.post([
          single({ debit: payer(ORGANISATION), credit: CLEARING, amountWei: OPEN, reason: 'fee', reference }),
          single({ debit: CLEARING, credit, amountWei: OPEN, reason: 'split', reference }),
        ]);
      });
    await register('a');
    await accrue();
    await earn('a', OPEN);
    await closeAndSettle();
    expect((await registry.poolOf('validators')).rewardedWei).toBe(0n);

    await sendAndWait(fixture.payer, fixture.token.approve(registry.address, 10n * OPEN));
    await sendAndWait(fixture.payer, registry.stake('validators', 10n * OPEN));
    await accrue();
    await earn('a', OPEN);
    await closeAndSettle();
    expect(await registry.poolOf('validators')).toMatchObject({ rewardedWei: 2n * OPEN });
    expect(await fixture.token.balanceOf(registry.address)).toBe(12n * OPEN);

    await accrue();
    await earn('a', OPEN);
    await epochs.closeEpoch.run(NOW);
    await rpc('evm_setAutomine', [false]);
    await send.pass(NOW);
    await rpc('evm_mine', []);
    await send.pass(NOW);
    await rpc('evm_mine', []);
    await send.pass(NOW);
    await rpc('evm_mine', []);
    await rpc('evm_setAutomine', [true]);
    await sendAndWait(fixture.payer, registry.notifyHeld()).catch(() => undefined);
    await settle();
    await epochs.closeEpoch.tick(NOW, LENGTHS);
    await settle();
    expect(await registry.poolOf('validators')).toMatchObject({ rewardedWei: 3n * OPEN });
    expect(await queries.stuck()).toEqual([]);
    await expectPromisesHold(3);
  });

  it('closes by the clock: so many ledger epochs to a chain epoch, and none without earnings', async () => {
    const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
    const tick = async (seconds: number) => {
      await epochs.closeEpoch.tick(at(seconds), LENGTHS);
      await settle();
    };
    await register('a');
    await tick(0);
    await earn('a', OPEN);
    await tick(1);
    expect(await fixture.distributor.lastEpoch()).toBe(0);
    await earn('a', OPEN);
    await tick(2);
    expect(await queries.epochs(10, 10)).toMatchObject([{ epoch: 1, ledgerFrom: 1, ledgerTo: 2 }]);
    await tick(3);
    await tick(4);
    await tick(5);
    expect(await fixture.distributor.lastEpoch()).toBe(1);
    await earn('a', OPEN);
    await tick(6);
    await tick(7);
    expect(await queries.epochs(10, 1)).toMatchObject([{ epoch: 2, ledgerFrom: 3, totalWei: 3n * OPEN }]);
    expect(await fixture.distributor.lastEpoch()).toBe(2);
  });

  it('pays all payees, however many, and the same again after a crash before the root', async () => {
    const PAYEES = 12_000;
    await database.query(
      `INSERT INTO payee SELECT 'p' || n, 'p', '0x' || lpad(to_hex(n), 40, '0') FROM generate_series(1, $1) AS n`,
      [PAYEES],
    );
    const reference = newId();
    const payees = Array.from({ length: PAYEES }, (_, index) => `p${index + 1}`);
    await store.transaction((tx) =>
      tx.ledger.post([
        single({
          debit: payer(ORGANISATION),
          credit: CLEARING,
          amountWei: 12_000n,
          reason: 'fee',
          reference,
        }),
        ...payees.map((payeeId) =>
          single({
            debit: CLEARING,
            credit: accrualOf({ role: 'contributor', payeeId }),
            amountWei: 1n,
            reason: 'split',
            reference,
          }),
        ),
      ]),
    );
    const epoch = await epochs.closeEpoch.run(NOW);
    expect(epoch).toMatchObject({ leafCount: PAYEES, totalWei: 12_000n });
    await database.query('DELETE FROM chain_tx');
    await database.query('DELETE FROM epoch_funding');
    await database.query("UPDATE epoch SET state = 'closing', root = NULL, manifest = NULL");
    await epochs.closeEpoch.tick(NOW, LENGTHS);
    expect((await queries.epochs(10, 1))[0]).toMatchObject({ root: epoch.root, manifest: epoch.manifest });
    await settle();
    await expectPromisesHold(1);
  }, 60_000);
});
