import { developmentWallet, sendAndWait } from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { WatchChain } from '../src/application/chain/watch-chain.js';
import { Reconcile } from '../src/application/reconciliation/reconcile.js';
import { ResolveCase } from '../src/application/reconciliation/resolve-case.js';
import { CHAIN_VAULT, payer, UNMATCHED } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { EthereumBooks } from '../src/outbound/reconciliation/ethereum-books.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';
import { chainReader } from './chain-parts.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const NOW = new Date('2026-11-20T12:00:00Z');
const after = (ms: number) => new Date(NOW.getTime() + ms);

describe('reconciliation', () => {
  let fixture: ChainFixture;
  let database: Database;
  let store: PostgresSettlementStore;
  let reconcile: Reconcile;
  const opened: string[] = [];

  beforeAll(async () => {
    fixture = await startChain();
  });
  afterAll(() => fixture.chain.stop());
  let snapshot: unknown;
  beforeEach(async () => {
    snapshot = await rpc('evm_snapshot', []);
    fixture.payer.reset();
    opened.length = 0;
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    const { deployment, chain } = fixture;
    const books = new EthereumBooks(chain.provider, { ...deployment, chainId: chain.chainId });
    reconcile = new Reconcile(store, books, chainReader(fixture), {
      everyBlocks: 3,
      everyMs: 86_400_000,
      onCase: ({ code }) => opened.push(code),
    });
    await fixture.deposit(ORGANISATION, 10n * OPEN);
    await catchUp();
  });
  afterEach(async () => {
    await database.close();
    await rpc('evm_revert', [snapshot]);
  });

  const rpc = (method: string, params: unknown[]) => fixture.chain.provider.send(method, params);
  const catchUp = () =>
    new WatchChain(store, chainReader(fixture), { startBlock: 0, confirmations: 1 }).catchUp(() => NOW);
  const frozen = () => store.transaction((tx) => tx.cases.frozen('payouts'));
  const cases = () => store.transaction((tx) => tx.cases.list(10));
  /** Signs as a contract: what a broken one could do. */
  const asContract = async (address: string) => {
    await rpc('anvil_impersonateAccount', [address]);
    await fixture.chain.setBalance(address, OPEN);
    return fixture.chain.provider.getSigner(address);
  };

  it('finds nothing where chain and books agree, and minds no gifts', async () => {
    await sendAndWait(fixture.payer, fixture.token.transfer(fixture.deployment.vault, 3n));
    await catchUp();
    expect(await reconcile.run(NOW)).toMatchObject({ differences: 0, unsweptWei: 3n });
    expect(await frozen()).toBe(false);
  });

  it('freezes payouts when the vault lacks what the books say, until a person explains it', async () => {
    const thief = await asContract(fixture.deployment.vault);
    await sendAndWait(thief, fixture.token.transfer(developmentWallet(5).address, 4n * OPEN));
    await catchUp();
    expect(await reconcile.run(NOW)).toMatchObject({ differences: 1 });
    // Found again, it stays one case.
    await reconcile.run(NOW);
    const [found, ...others] = await cases();
    expect(others).toEqual([]);
    expect(opened).toEqual(['VAULT_SHORT']);
    expect(found).toMatchObject({
      code: 'VAULT_SHORT',
      expected: `at least ${10n * OPEN}`,
      actual: (6n * OPEN).toString(),
    });
    expect(await frozen()).toBe(true);

    const resolve = new ResolveCase(store);
    const id = found?.id ?? '';
    await resolve.run(id, '0xoperator', 'refilled by the treasury', NOW);
    await resolve.run(id, '0xoperator', 'refilled by the treasury', NOW);
    await expect(resolve.run(id, '0xother', 'no', NOW)).rejects.toMatchObject({ code: 'CASE_RESOLVED' });
    await expect(resolve.run('0190f3a0-0000-7000-8000-00000000ffff', 'x', 'x', NOW)).rejects.toMatchObject({
      code: 'CASE_UNKNOWN',
    });
    expect(await frozen()).toBe(false);
    // Nothing was corrected: the next comparison opens it anew.
    await reconcile.run(NOW);
    expect(await frozen()).toBe(true);
  });

  it('sees money that the books made up, and money that left without them', async () => {
    await store.transaction((tx) =>
      tx.ledger.post([
        single({ debit: CHAIN_VAULT, credit: UNMATCHED, amountWei: 5n, reason: 'made up', reference: 'x' }),
      ]),
    );
    await reconcile.run(NOW);
    expect(opened).toEqual(['VAULT_DIFFERS', 'VAULT_SHORT']);
    const operator = developmentWallet(1).connect(fixture.chain.provider);
    await sendAndWait(operator, fixture.vault.fund(fixture.deployment.distributor, OPEN));
    await catchUp();
    await reconcile.run(NOW);
    expect(opened.slice(2)).toEqual(['DISTRIBUTOR_DIFFERS']);
  });

  it('compares what each wallet was paid with the distributor', async () => {
    const [head] = await database.query<{ number: string; hash: string }>(
      'SELECT number, hash FROM chain_block ORDER BY number DESC LIMIT 1',
    );
    await store.transaction((tx) =>
      tx.chain.apply({
        transactionHash: `0x${'1'.repeat(64)}`,
        logIndex: 0,
        blockNumber: Number(head?.number),
        blockHash: head?.hash ?? '',
        event: { kind: 'claimed', epoch: 1, wallet: developmentWallet(6).address, amountWei: 7n },
      }),
    );
    await reconcile.run(NOW);
    expect(await cases()).toMatchObject([
      {
        code: 'CLAIMED_DIFFERS',
        subject: `wallet:${developmentWallet(6).address}`,
        expected: '7',
        actual: '0',
      },
    ]);
  });

  it('waits while a payout is on its way', async () => {
    await database.query(
      "INSERT INTO chain_tx (purpose, to_address, data, state) VALUES ('fund:1', '0x', '0x', 'signed')",
    );
    expect(await reconcile.run(NOW)).toBeUndefined();
    expect(await store.transaction((tx) => tx.reconciliations.last())).toBeUndefined();
  });

  it('is due by blocks and by time, wherever the clock jumps', async () => {
    const last = () => store.transaction((tx) => tx.reconciliations.last());
    await reconcile.runIfDue(NOW);
    const first = await last();
    expect(first).toBeDefined();
    await reconcile.runIfDue(after(1_000));
    expect(await last()).toEqual(first);
    await rpc('anvil_mine', ['0x3']);
    await catchUp();
    await reconcile.runIfDue(after(2_000));
    expect((await last())?.block).toBe((first?.block ?? 0) + 3);
    for (const jump of [90_000_000, -90_000_000]) {
      await reconcile.runIfDue(after(jump));
      expect((await last())?.at).toEqual(after(jump));
    }
  });

  it('leaves payers alone: deposits are credited while payouts are frozen', async () => {
    await store.transaction((tx) =>
      tx.cases.open({ freezes: 'payouts', code: 'TEST', subject: 'x', expected: '1', actual: '2' }, NOW),
    );
    await fixture.deposit(ORGANISATION, OPEN);
    await catchUp();
    const standing = await store.transaction((tx) => tx.ledger.lock(payer(ORGANISATION)));
    expect(standing.creditsPostedWei).toBe(11n * OPEN);
  });
});
