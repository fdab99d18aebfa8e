import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import fc from 'fast-check';
import type { SettlementTx } from '../src/application/ports.js';
import { CHAIN_VAULT, CLEARING, payer, reorgDebt } from '../src/domain/ledger/accounts.js';
import type { Transfer } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { ReferenceLedger } from './reference-ledger.js';

const RUNS = 80;
const ORGANISATIONS = [0, 1, 2].map((n) => `0190f3a0-0000-7000-8000-00000000000${n}`);
const ACCOUNTS = [
  CHAIN_VAULT,
  CLEARING,
  ...ORGANISATIONS.map(payer),
  reorgDebt('0190f3a0-0000-7000-8000-000000000000'),
];
/** Few, so that ids come again. */
const IDS = 64;
/** The ids below are mostly of pending transfers, between accounts that follow from the id: resolutions often fit. */
const PENDING_IDS = 16;
const START = Date.parse('2026-01-01T00:00:00Z');

interface Real {
  readonly tx: SettlementTx;
}

class Rollback extends Error {}

const idOf = (n: number) => `0190f3a0-1111-7000-8000-${n.toString(16).padStart(12, '0')}`;
const at = (n: number) => ACCOUNTS[n % ACCOUNTS.length] ?? CLEARING;

class Submit implements fc.AsyncCommand<ReferenceLedger, Real> {
  constructor(private readonly batch: readonly Transfer[]) {}
  check = () => true;
  async run(model: ReferenceLedger, { tx }: Real): Promise<void> {
    const results = await tx.ledger.submit(this.batch);
    expect(results.map(({ code }) => code)).toEqual(model.submit(this.batch));
    await expectSame(model, tx);
  }
  toString = () =>
    `submit(${this.batch
      .map(({ id, kind, debit, credit, amountWei, pendingId, expiresAt, group }) =>
        [
          `${id.slice(-2)} ${kind} ${debit.id.slice(0, 16)}>${credit.id.slice(0, 16)} ${amountWei}`,
          ...(pendingId ? [`of ${pendingId.slice(-2)}`] : []),
          ...(expiresAt ? [`until ${expiresAt.getTime() - START}`] : []),
          ...(group ? [`in ${group}`] : []),
        ].join(' '),
      )
      .join('; ')})`;
}

class Wait implements fc.AsyncCommand<ReferenceLedger, Real> {
  constructor(
    private readonly ms: number,
    private readonly clock: { nowMs: number },
  ) {}
  check = () => true;
  async run(model: ReferenceLedger, { tx }: Real): Promise<void> {
    model.now += this.ms;
    this.clock.nowMs = model.now;
    const due = (await tx.ledger.expired(IDS)).map(({ id }) => id);
    expect(due.toSorted()).toEqual(
      model
        .expired()
        .map(({ id }) => id)
        .toSorted(),
    );
  }
  toString = () => `wait(${this.ms})`;
}

/** Every account as the reference has it (I8), and debits equal to credits (I1). */
async function expectSame(model: ReferenceLedger, tx: SettlementTx): Promise<void> {
  const standings = await tx.ledger.lockAll(ACCOUNTS);
  const found = standings.map((one) => ({
    pendingOut: one.debitsPendingWei,
    postedOut: one.debitsPostedWei,
    pendingIn: one.creditsPendingWei,
    postedIn: one.creditsPostedWei,
  }));
  expect(found).toEqual(
    ACCOUNTS.map(({ id, kind }) => {
      const { kind: _, ...counters } = model.counters(id, kind);
      return counters;
    }),
  );
  const total = (side: 'pendingOut' | 'postedOut' | 'pendingIn' | 'postedIn') =>
    found.reduce((sum, one) => sum + one[side], 0n);
  expect([total('pendingOut'), total('postedOut')]).toEqual([total('pendingIn'), total('postedIn')]);
}

const number = fc.nat(ACCOUNTS.length - 1);
const amount = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt(1n, 60n) },
  { weight: 1, arbitrary: fc.bigInt(-1n, 0n) },
  { weight: 1, arbitrary: fc.bigInt(2n ** 127n, 2n ** 128n) },
);
const opening = (organisation: number): Transfer => ({
  id: idOf(100 + organisation),
  kind: 'single',
  debit: CHAIN_VAULT,
  credit: payer(ORGANISATIONS[organisation] ?? ''),
  amountWei: 100n,
  reason: 'deposit',
  reference: 'opening',
});

/** A new transfer, or one that resolves an earlier one by its content, which the drawing remembers. */
const transfer = fc
  .record({
    id: fc.nat(IDS - 1),
    drawn: fc.constantFrom<Transfer['kind']>('single', 'pending', 'post', 'post', 'void'),
    debit: number,
    credit: number,
    amount,
    of: fc.nat(PENDING_IDS + 1),
    expiry: fc.option(fc.integer({ min: -10, max: 100 }), { nil: undefined }),
    group: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
  })
  .map(({ id, drawn, debit, credit, amount: amountWei, of, expiry, group }): Transfer => {
    const kind = id < PENDING_IDS && drawn !== 'single' ? 'pending' : drawn;
    const resolves = kind === 'post' || kind === 'void';
    const [from, to] = resolves ? pairOf(of) : id < PENDING_IDS ? pairOf(id) : [debit, credit];
    return {
      id: idOf(id),
      kind,
      debit: at(from),
      credit: at(to),
      amountWei,
      reason: 'test',
      reference: 'test',
      ...(resolves ? { pendingId: idOf(of) } : {}),
      ...(kind === 'pending' && expiry !== undefined ? { expiresAt: new Date(START + expiry * 100) } : {}),
      ...(group === undefined ? {} : { group }),
    };
  });
const pairOf = (id: number): [number, number] => [2 + (id % 3), 1];

/** Enough of them for the way in one call, which must decide the same. */
const plainBatch = fc
  .array(fc.record({ debit: number, credit: number, amount: fc.bigInt(1n, 20n) }), {
    minLength: 10,
    maxLength: 16,
  })
  .map((drawn) =>
    drawn.map(
      ({ debit, credit, amount: amountWei }): Transfer => ({
        id: newId(),
        kind: 'single',
        debit: at(debit),
        credit: at(credit === debit ? credit + 1 : credit),
        amountWei,
        reason: 'test',
        reference: 'test',
      }),
    ),
  );

describe('the ledger against a reference', () => {
  const clock = { nowMs: START, now: () => new Date(clock.nowMs) };
  let database: Database;
  beforeAll(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
  });
  afterAll(() => database.close());

  it('answers and stands the same after any sequence of batches, groups, expiries and repeats', async () => {
    const store = new PostgresSettlementStore(database, clock);
    const commands = fc.commands(
      [
        fc.array(transfer, { minLength: 1, maxLength: 8 }).map((batch) => new Submit(batch)),
        fc.array(transfer, { minLength: 1, maxLength: 8 }).map((batch) => new Submit(batch)),
        plainBatch.map((batch) => new Submit(batch)),
        fc.integer({ min: 1, max: 3_000 }).map((ms) => new Wait(ms, clock)),
      ],
      { maxCommands: 25, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        clock.nowMs = START;
        const inOneTransaction = store.transaction(async (tx) => {
          const model = new ReferenceLedger();
          await new Submit(ORGANISATIONS.map((_, organisation) => opening(organisation))).run(model, { tx });
          await fc.asyncModelRun(() => ({ model, real: { tx } }), sequence);
          throw new Rollback();
        });
        await expect(inOneTransaction).rejects.toBeInstanceOf(Rollback);
      }),
      { numRuns: RUNS },
    );
  });
});
