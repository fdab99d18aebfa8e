import { derivedId, newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { CHAIN_VAULT, CLEARING, payer } from '../src/domain/ledger/accounts.js';
import { single, type Transfer } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const account = payer(ORGANISATION);

describe('the ledger in Postgres', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  beforeEach(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
  });
  afterEach(() => database.close());

  const post = (...transfers: Transfer[]) => store.transaction((tx) => tx.ledger.post(transfers));
  const standing = () => store.transaction((tx) => tx.ledger.lock(account));
  const deposit = (amountWei: bigint, reference = newId()) =>
    single({ debit: CHAIN_VAULT, credit: account, amountWei, reason: 'deposit', reference });
  const spend = (amountWei: bigint, reference = newId()) =>
    single({ debit: account, credit: CLEARING, amountWei, reason: 'fee', reference });
  const hold = (amountWei: bigint, id = newId()): Transfer => ({ ...spend(amountWei), id, kind: 'pending' });
  const resolve = (held: Transfer, kind: 'post' | 'void', amountWei = held.amountWei): Transfer => ({
    ...held,
    id: newId(),
    kind,
    amountWei,
    pendingId: held.id,
  });
  const trialBalance = async () => {
    const [row] = await database.query<{ posted: string; pending: string }>(
      `SELECT sum(debits_posted) - sum(credits_posted) AS posted,
         sum(debits_pending) - sum(credits_pending) AS pending FROM account`,
    );
    return row;
  };

  it('moves money once, however often a transfer is posted', async () => {
    const transfer = deposit(100n);
    await post(transfer);
    await post(transfer, spend(40n));
    expect(await standing()).toMatchObject({ creditsPostedWei: 100n, debitsPostedWei: 40n });
    expect(await trialBalance()).toEqual({ posted: '0', pending: '0' });
  });

  it('refuses a known id with other content, and the batch that it came in', async () => {
    const transfer = deposit(100n);
    await post(transfer);
    await expect(post(deposit(5n), { ...transfer, amountWei: 101n })).rejects.toMatchObject({
      code: 'TRANSFER_ID_REUSED',
    });
    expect(await standing()).toMatchObject({ creditsPostedWei: 100n });
  });

  it('never lets a payer go below zero, holds included', async () => {
    await post(deposit(100n), hold(60n));
    await expect(post(spend(41n))).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    await post(spend(40n));
    expect(await standing()).toMatchObject({ debitsPostedWei: 40n, debitsPendingWei: 60n });
  });

  it('settles a hold for less, frees the rest, and only once', async () => {
    const held = hold(60n);
    await post(deposit(100n), held);
    await post(resolve(held, 'post', 25n));
    expect(await standing()).toMatchObject({ debitsPostedWei: 25n, debitsPendingWei: 0n });
    await expect(post(resolve(held, 'void'))).rejects.toMatchObject({
      code: 'TRANSFER_PENDING_ALREADY_RESOLVED',
    });
    const other = hold(10n);
    await post(other);
    await expect(post(resolve(other, 'post', 11n))).rejects.toMatchObject({
      code: 'TRANSFER_EXCEEDS_PENDING',
    });
    await post(resolve(other, 'void'));
    expect(await standing()).toMatchObject({ debitsPostedWei: 25n, debitsPendingWei: 0n });
  });

  it('keeps transfers for ever as they were', async () => {
    await post(deposit(100n));
    for (const sql of ['UPDATE transfer SET amount = 1', 'DELETE FROM transfer', 'TRUNCATE transfer']) {
      await expect(database.query(sql)).rejects.toThrow(/immutable|foreign key/);
    }
  });

  it('holds uint128 amounts', async () => {
    const huge = 2n ** 127n;
    await post(deposit(huge));
    expect(await standing()).toMatchObject({ creditsPostedWei: huge });
  });

  it('is exact when many writers replay the same batches in any order', async () => {
    const payees = ['platform', 'stakers', 'reserve', 'contributor:a', 'contributor:b'];
    await post(deposit(10n ** 24n, 'seed'), spend(10n ** 23n, 'seed'));
    const batches = Array.from({ length: 20 }, (_, batch) =>
      payees.map(
        (id, index): Transfer => ({
          id: derivedId(`${batch}`, id),
          kind: 'single',
          debit: CLEARING,
          credit: { id, kind: 'liability' },
          amountWei: BigInt(batch * 10 + index + 1),
          reason: 'split',
          reference: `${batch}`,
        }),
      ),
    );
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      const rotated = [...batches.slice(writer * 3), ...batches.slice(0, writer * 3)];
      for (const batch of writer % 2 === 0 ? rotated : rotated.reverse()) {
        await post(...(writer % 3 === 0 ? batch : [...batch].reverse()));
      }
    });
    await Promise.all(writers);

    const [count] = await database.query<{ count: string }>(
      "SELECT count(*) FROM transfer WHERE reason = 'split'",
    );
    expect(Number(count?.count)).toBe(100);
    const expected = batches.flat().reduce((sum, transfer) => sum + transfer.amountWei, 0n);
    const [clearing] = await database.query<{ debits_posted: string }>(
      "SELECT debits_posted FROM account WHERE id = 'clearing:fees'",
    );
    expect(BigInt(clearing?.debits_posted ?? 0)).toBe(expected);
    // Balances are what their transfers add up to.
    const drifted = await database.query(
      `SELECT account.id FROM account LEFT JOIN transfer ON transfer.kind = 'single'
         AND account.key IN (transfer.debit, transfer.credit)
       GROUP BY account.key
       HAVING account.debits_posted <> coalesce(sum(amount) FILTER (WHERE debit = account.key), 0)
         OR account.credits_posted <> coalesce(sum(amount) FILTER (WHERE credit = account.key), 0)`,
    );
    expect(drifted).toEqual([]);
    expect(await trialBalance()).toEqual({ posted: '0', pending: '0' });
  });
});
