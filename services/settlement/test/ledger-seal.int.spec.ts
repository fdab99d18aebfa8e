import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { eventually, testDatabase } from '@openledger/testing';
import pg from 'pg';
import { PastBalance } from '../src/application/ledger/past-balance.js';
import { SealLedger } from '../src/application/ledger/seal-ledger.js';
import { VerifyChain } from '../src/application/ledger/verify-chain.js';
import { CHAIN_VAULT, CLEARING, payer } from '../src/domain/ledger/accounts.js';
import { availableOf } from '../src/domain/ledger/standing.js';
import { single, type Transfer } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresLedgerQueries } from '../src/outbound/ledger/postgres-ledger-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const OTHER = '0190f3a0-0000-7000-8000-000000000002';
const START = Date.parse('2026-01-01T00:00:00Z');

describe('the sealed ledger', () => {
  const clock = { nowMs: START, now: () => new Date(clock.nowMs) };
  let url: string;
  let database: Database;
  let store: PostgresSettlementStore;
  let sealing: SealLedger;
  beforeEach(async () => {
    clock.nowMs = START;
    url = await testDatabase();
    database = await Database.open({ url, schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database, clock);
    sealing = new SealLedger(store);
  });
  afterEach(() => database.close());

  const post = (...transfers: Transfer[]) => store.transaction((tx) => tx.ledger.post(transfers));
  const deposit = (amountWei: bigint, organisation = ORGANISATION) =>
    single({
      debit: CHAIN_VAULT,
      credit: payer(organisation),
      amountWei,
      reason: 'deposit',
      reference: newId(),
    });
  const spend = (amountWei: bigint) =>
    single({ debit: payer(ORGANISATION), credit: CLEARING, amountWei, reason: 'fee', reference: newId() });
  /** Other tests use the same server, and sealing waits for their transactions too. */
  const seal = () =>
    eventually(async () => {
      await sealing.run(clock.now());
      const [open] = await database.query<{ transfers: number }>(
        `SELECT count(*)::int AS transfers FROM transfer
         WHERE position > (SELECT coalesce(max(last_position), 0) FROM block)`,
      );
      expect(open?.transfers).toBe(0);
    });
  const verify = () => new VerifyChain(store).run(1, 1_000);
  const availableAt = async (ms: number) => {
    const [standing] = await new PostgresLedgerQueries(database).standingsAt(
      [payer(ORGANISATION)],
      new Date(START + ms),
    );
    return standing && availableOf(standing);
  };
  const expectIntact = async (blocks: number) =>
    expect(await verify()).toEqual({ from: 1, to: blocks, driftedAccounts: [] });

  /** As somebody who may do everything: triggers off. */
  const tamper = async (sql: string) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query("SET session_replication_role = 'replica'");
      await client.query(`SET search_path = settlement`);
      await client.query(sql);
    } finally {
      await client.end();
    }
  };

  it('chains blocks, and finds them as they were sealed', async () => {
    await post(deposit(100n));
    await seal();
    await seal();
    await post(spend(30n), deposit(5n));
    await seal();
    await expectIntact(2);
    const [newest, first] = await new PostgresLedgerQueries(database).blocks(100, 10);
    expect(newest).toMatchObject({ number: 2, transfers: 2, previousHash: first?.hash });
  });

  it('knows every balance that ever was', async () => {
    const expected: bigint[] = [];
    let available = 0n;
    for (let second = 0; second < 40; second += 1) {
      clock.nowMs = START + second * 1_000;
      const isDeposit = second % 3 === 0;
      await post(isDeposit ? deposit(100n) : spend(7n), deposit(1n, OTHER));
      available += isDeposit ? 100n : -7n;
      expected.push(available);
      if (second % 4 === 1) await seal();
    }
    for (const [second, amount] of expected.entries()) {
      expect([second, await availableAt(second * 1_000 + 500)]).toEqual([second, amount]);
    }
    expect(await availableAt(-1)).toBe(0n);
    await expectIntact(10);
  });

  it('knows past balances also where clocks jumped', async () => {
    const day = 86_400_000;
    const recorded: [atMs: number, wei: bigint][] = [
      [0, 1n],
      [day, 2n],
      [1_000, 4n],
      [2_000, 8n],
      [1_500, 16n],
      [2 * day, 32n],
    ];
    for (const [atMs, wei] of recorded) {
      clock.nowMs = START + atMs;
      await post(deposit(wei));
      await seal();
    }
    for (const ms of [0, 1_000, 1_600, 2_000, day - 1, day, 3 * day]) {
      const by = recorded.filter(([atMs]) => atMs <= ms).reduce((sum, [, wei]) => sum + wei, 0n);
      expect([ms, await availableAt(ms)]).toEqual([ms, by]);
    }
  });

  it('answers what was free and what was set aside at a time, and of no time to come', async () => {
    const past = new PastBalance(new PostgresLedgerQueries(database));
    const held: Transfer = { ...spend(30n), kind: 'pending' };
    await post(deposit(100n), held);
    await seal();
    clock.nowMs += 5_000;
    await post(spend(20n));
    await seal();
    clock.nowMs += 5_000;
    await post({ ...held, id: newId(), kind: 'post', amountWei: 12n, pendingId: held.id });
    const balanceAt = (ms: number) => past.run(ORGANISATION, new Date(START + ms), clock.now());
    expect(await balanceAt(1_000)).toEqual({ availableWei: 70n, heldWei: 30n });
    expect(await balanceAt(5_000)).toEqual({ availableWei: 50n, heldWei: 30n });
    expect(await balanceAt(10_000)).toEqual({ availableWei: 68n, heldWei: 0n });
    await seal();
    expect(await balanceAt(10_000)).toEqual({ availableWei: 68n, heldWei: 0n });
    await expectIntact(3);
    await expect(balanceAt(10_001)).rejects.toMatchObject({ code: 'TIME_AHEAD' });
  });

  it('waits for a transaction that holds an earlier position, and leaves nothing out', async () => {
    const open = Promise.withResolvers<void>();
    const posted = Promise.withResolvers<void>();
    const slow = store.transaction(async (tx) => {
      await tx.ledger.post([deposit(1n)]);
      posted.resolve();
      await open.promise;
    });
    await posted.promise;
    await post(single({ ...deposit(2n, OTHER), debit: { id: 'suspense:reorg:x', kind: 'open' } }));
    for (let pass = 0; pass < 3; pass += 1) expect(await sealing.run(clock.now())).toBe(0);
    open.resolve();
    await slow;
    await seal();
    await expectIntact(1);
    const [block] = await new PostgresLedgerQueries(database).blocks(100, 1);
    expect(block?.transfers).toBe(2);
  });

  it('leaves no transfer out while many writers commit in any order', async () => {
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let n = 0; n < 30; n += 1) {
        const debit = { id: `suspense:reorg:${writer}`, kind: 'open' as const };
        const credit = { id: `reserve:${writer}`, kind: 'liability' as const };
        const batch = Array.from({ length: 12 }, () =>
          single({ debit, credit, amountWei: 1n, reason: 'test', reference: newId() }),
        );
        await store.transaction(async (tx) => {
          await tx.ledger.submit(batch.slice(0, 1 + (n % 12)));
          await tx.ledger.submit(batch);
        });
      }
    });
    let writing = true;
    const sealer = (async () => {
      while (writing) await sealing.run(clock.now());
    })();
    await Promise.all(writers);
    writing = false;
    await sealer;
    await seal();
    const [sealed] = await database.query<{ sealed: string; there: string }>(
      'SELECT (SELECT sum(transfers) FROM block) AS sealed, (SELECT count(*) FROM transfer) AS there',
    );
    expect(sealed?.sealed).toBe(sealed?.there);
    expect((await verify()).broken).toBeUndefined();
  });

  it('finds what somebody with every right has changed', async () => {
    await post(deposit(100n), spend(10n));
    await seal();
    await post(spend(20n));
    await seal();
    await post(spend(5n));
    await tamper("UPDATE transfer SET amount = 19 WHERE amount = 20 AND reason = 'fee'");
    expect(await verify()).toMatchObject({ to: 2, broken: { number: 2, breach: 'transfers_changed' } });
    await tamper("UPDATE transfer SET amount = 20 WHERE amount = 19 AND reason = 'fee'");
    await expectIntact(2);

    await tamper(`UPDATE account SET id = 'payer:thief' WHERE id = '${payer(ORGANISATION).id}'`);
    expect(await verify()).toMatchObject({ broken: { number: 1, breach: 'transfers_changed' } });
    await tamper(`UPDATE account SET id = '${payer(ORGANISATION).id}' WHERE id = 'payer:thief'`);

    await tamper('UPDATE account_history SET credits_posted = credits_posted + 1 WHERE block = 1');
    expect(await verify()).toMatchObject({ broken: { number: 1, breach: 'history_changed' } });
    await tamper('UPDATE account_history SET credits_posted = credits_posted - 1 WHERE block = 1');

    await tamper('DELETE FROM transfer WHERE amount = 5');
    expect((await verify()).driftedAccounts).toEqual([CLEARING.id, payer(ORGANISATION).id]);
    await tamper("UPDATE block SET rows_hash = 'x' WHERE number = 1");
    expect(await verify()).toMatchObject({ broken: { number: 1, breach: 'chain_broken' } });
  });

  it('keeps blocks and histories as they were', async () => {
    await post(deposit(100n));
    await seal();
    for (const table of ['block', 'account_history']) {
      await expect(database.query(`DELETE FROM ${table}`)).rejects.toThrow(/sealed/);
      await expect(database.query(`TRUNCATE ${table}`)).rejects.toThrow(/sealed/);
    }
    await expect(database.query("UPDATE account SET kind = 'open'")).rejects.toThrow(/for ever/);
  });
});
