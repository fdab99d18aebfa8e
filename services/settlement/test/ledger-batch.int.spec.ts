import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import pg from 'pg';
import { VoidExpired } from '../src/application/ledger/void-expired.js';
import { type Account, CHAIN_VAULT, CLEARING, payer } from '../src/domain/ledger/accounts.js';
import { availableOf } from '../src/domain/ledger/standing.js';
import { single, type Transfer } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

const START = Date.parse('2026-01-01T00:00:00Z');
const organisation = (n: number) => `0190f3a0-0000-7000-8000-${String(n).padStart(12, '0')}`;
const account = payer(organisation(1));

describe('batches of the ledger', () => {
  const clock = { nowMs: START, now: () => new Date(clock.nowMs) };
  let url: string;
  let database: Database;
  let store: PostgresSettlementStore;
  beforeEach(async () => {
    clock.nowMs = START;
    url = await testDatabase();
    database = await Database.open({ url, schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database, clock);
  });
  afterEach(() => database.close());

  const submit = async (...transfers: Transfer[]) =>
    (await store.transaction((tx) => tx.ledger.submit(transfers))).map(({ code }) => code);
  const post = (...transfers: Transfer[]) => store.transaction((tx) => tx.ledger.post(transfers));
  const available = async (of: Account = account) =>
    availableOf(await store.transaction((tx) => tx.ledger.lock(of)));
  const deposit = (amountWei: bigint, to: Account = account) =>
    single({ debit: CHAIN_VAULT, credit: to, amountWei, reason: 'deposit', reference: newId() });
  const spend = (amountWei: bigint, from: Account = account) =>
    single({ debit: from, credit: CLEARING, amountWei, reason: 'fee', reference: newId() });

  it('refuses one transfer, lets every other happen, and keeps the refusal', async () => {
    await post(deposit(100n), deposit(100n, payer(organisation(2))));
    const tooMuch = spend(101n);
    expect(await submit(tooMuch, spend(5n, payer(organisation(2))), spend(100n))).toEqual([
      'insufficient',
      'created',
      'created',
    ]);
    await post(deposit(1_000n));
    expect(await submit(tooMuch)).toEqual(['id_already_rejected']);
    await expect(post(tooMuch)).rejects.toMatchObject({
      code: 'TRANSFER_ID_REJECTED',
      details: { firstRefusal: 'insufficient' },
    });
    expect(await available()).toBe(1_000n);
  });

  it('decides a large batch as it decides a small one', async () => {
    await post(deposit(12n));
    const batch = [...Array.from({ length: 15 }, () => spend(1n)), deposit(2n)];
    const codes = await submit(...batch);
    expect(codes).toEqual([...Array(12).fill('created'), ...Array(3).fill('insufficient'), 'created']);
    expect(await available()).toBe(2n);
    // What comes in first may be spent in the same batch.
    const order = [deposit(12n), ...Array.from({ length: 14 }, () => spend(1n))];
    expect(await submit(...order)).toEqual(Array(15).fill('created'));
    expect(await submit(...order)).toEqual(Array(15).fill('exists'));
    expect(await available()).toBe(0n);
  });

  it('does all of a group or none of it', async () => {
    await post(deposit(100n));
    const group = [spend(60n), spend(50n)].map((transfer) => ({ ...transfer, group: 'g' }));
    expect(await submit(...group, spend(70n))).toEqual(['linked_refused', 'insufficient', 'created']);
    const fits = [spend(10n), spend(20n)].map((transfer) => ({ ...transfer, group: 'h' }));
    expect(await submit(...fits)).toEqual(['created', 'created']);
    expect(await submit(...fits)).toEqual(['exists', 'exists']);
    expect(await available()).toBe(0n);
  });

  it('refuses what is no transfer before it opens the books', async () => {
    const sound = deposit(1n);
    const fractional = 1.5 as unknown as bigint;
    const cases: [Partial<Transfer>, string][] = [
      [{ amountWei: 0n }, 'amount_not_positive'],
      [{ amountWei: -1n }, 'amount_not_positive'],
      [{ amountWei: 2n ** 128n }, 'amount_too_large'],
      [{ amountWei: fractional }, 'amount_not_whole'],
      [{ id: 'x' }, 'id_invalid'],
      [{ credit: CHAIN_VAULT }, 'accounts_equal'],
      [{ kind: 'post' }, 'pending_id_missing'],
      [{ pendingId: newId() }, 'pending_id_unexpected'],
      [{ expiresAt: new Date() }, 'expiry_unexpected'],
      [{ reference: 'a\0b' }, 'text_too_long'],
    ];
    const codes = await submit(...cases.map(([change]) => ({ ...sound, ...change })), sound);
    expect(codes).toEqual([...cases.map(([, code]) => code), 'created']);
    expect(await submit({ ...deposit(1n), credit: { ...account, kind: 'open' } })).toEqual([
      'account_has_other_kind',
    ]);
    const [rows] = await database.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM transfer WHERE refusal IS NULL',
    );
    expect(rows?.count).toBe(1);
  });

  it('takes the largest amount, and nothing beyond it', async () => {
    const largest = 2n ** 128n - 1n;
    expect(await submit(deposit(largest), deposit(1n))).toEqual(['created', 'balance_too_large']);
    expect(await submit(...Array.from({ length: 10 }, () => deposit(largest)))).toEqual(
      Array(10).fill('balance_too_large'),
    );
    expect(await available()).toBe(largest);
  });

  it('refuses a batch beyond its limit', async () => {
    const one = deposit(1n);
    await expect(store.transaction((tx) => tx.ledger.submit(Array(10_001).fill(one)))).rejects.toMatchObject({
      code: 'LEDGER_BATCH_TOO_LARGE',
    });
  });

  it('frees what was reserved for too long, and lets nobody post it any more', async () => {
    const expiresAt = new Date(START + 60_000);
    const held: Transfer = { ...spend(60n), kind: 'pending', expiresAt };
    const late: Transfer = { ...held, id: newId(), kind: 'post', pendingId: held.id };
    const { expiresAt: _, ...resolution } = late;
    await post(deposit(100n), held);
    const sweep = new VoidExpired(store);
    expect(await sweep.run()).toBe(0);
    clock.nowMs = START + 60_000;
    expect(await submit(resolution)).toEqual(['pending_expired']);
    expect(await available()).toBe(40n);
    expect(await sweep.run()).toBe(1);
    expect(await sweep.run()).toBe(0);
    expect(await available()).toBe(100n);
  });

  it('has one effect where many use one id for different accounts at once', async () => {
    const id = newId();
    const payees = Array.from({ length: 8 }, (_, n) => payer(organisation(100 + n)));
    const uses = payees.map((credit) =>
      submit({ ...deposit(5n, credit), id, debit: { id: `suspense:reorg:${credit.id}`, kind: 'open' } }),
    );
    const codes = (await Promise.all(uses)).flat();
    expect(codes.toSorted()).toEqual(['created', ...Array(7).fill('exists_with_different_debit')]);
    const balances = await Promise.all(payees.map(available));
    expect(balances.reduce((sum, one) => sum + one, 0n)).toBe(5n);
  });

  it('forgets accounts of a transaction that was rolled back', async () => {
    const fresh = payer(organisation(7));
    const failing = store.transaction(async (tx) => {
      await tx.ledger.post([deposit(5n, fresh)]);
      await tx.ledger.submit(Array.from({ length: 12 }, () => deposit(1n, fresh)));
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await post(deposit(7n, fresh));
    expect(await available(fresh)).toBe(7n);
  });

  it('lets no two writers wait for each other in a circle', async () => {
    const payers = Array.from({ length: 12 }, (_, n) => payer(organisation(200 + n)));
    await post(...payers.map((one) => deposit(10_000n, one)));
    const holds = (writer: number, round: number) =>
      payers.map((_, n): Transfer => {
        const from = payers[(n * (writer + 1) + round) % payers.length] ?? account;
        return { ...spend(1n, from), kind: writer % 2 === 0 ? 'pending' : 'single' };
      });
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let round = 0; round < 25; round += 1) {
        const codes = await submit(...holds(writer, round));
        expect(new Set(codes)).toEqual(new Set(['created']));
      }
    });
    await Promise.all(writers);
    await database.close();
    // The server counts a deadlock when the session that met it ends.
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    );
    await client.end();
    expect(rows).toEqual([{ deadlocks: 0 }]);
    database = await Database.open({ url, schema: 'settlement', migrations });
  });
});
