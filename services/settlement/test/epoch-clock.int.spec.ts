import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import fc from 'fast-check';
import { accrualOf, CHAIN_VAULT, CLEARING } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { contractsWithoutChain } from './contracts-without-chain.js';
import { epochsOn } from './epochs-fixture.js';

const START = Date.parse('2026-11-20T12:00:00Z');
const HOUR_MS = 3_600_000;
/** Longer than any run: chain epochs need a chain, and have specs of their own. */
const LEDGERS_ONLY = { ledgerMs: HOUR_MS, ledgersOfChain: 1_000_000 };

type Step = { readonly kind: 'tick'; readonly byMs: number } | { readonly kind: 'earn' };
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('tick' as const),
      byMs: fc.integer({ min: -48, max: 72 }).map((h) => (h * HOUR_MS) / 2),
    }),
    fc.record({ kind: fc.constant('earn' as const) }),
  ),
  { minLength: 4, maxLength: 30 },
);

describe('ledger epochs', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  let epochs: ReturnType<typeof epochsOn>;
  beforeEach(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    const [vault, distributor] = contractsWithoutChain();
    epochs = epochsOn(database, new EthereumPayoutContracts(vault, distributor), distributor.address);
  });
  afterEach(() => database.close());

  /** Credits a contributor under the open epoch, and answers its number. */
  const earn = (hold?: Promise<void>) =>
    store.transaction(async (tx) => {
      const epoch = await tx.epochs.open();
      const reference = newId();
      const credit = accrualOf({ role: 'contributor', payeeId: 'alice' });
      await hold;
      await tx.ledger.post([
        single({ debit: CHAIN_VAULT, credit: CLEARING, amountWei: 1n, reason: 'fee', reference }),
        single({ debit: CLEARING, credit, amountWei: 1n, reason: 'split', reference }),
      ]);
      return epoch;
    });
  const closed = () =>
    database.query<{ epoch: number; opened_at: Date; closed_at: Date; wei: string }>(
      `SELECT ledger_epoch.epoch, opened_at, closed_at, account.credits - account.opening_credits AS wei
       FROM ledger_epoch JOIN ledger_epoch_account account USING (epoch)
       WHERE account LIKE 'contributor:%' ORDER BY epoch`,
    );
  const tickAt = (ms: number) => epochs.closeEpoch.tick(new Date(ms), LEDGERS_ONLY);

  it('closes after its length, and not while nobody earns', async () => {
    await tickAt(START);
    await tickAt(START + 5 * HOUR_MS);
    expect(await closed()).toEqual([]);
    expect(await earn()).toBe(1);
    await tickAt(START + 6 * HOUR_MS - 1);
    expect(await closed()).toEqual([]);
    await tickAt(START + 6 * HOUR_MS);
    expect(await closed()).toEqual([
      {
        epoch: 1,
        opened_at: new Date(START + 5 * HOUR_MS),
        closed_at: new Date(START + 6 * HOUR_MS),
        wei: '1',
      },
    ]);
    expect(await earn()).toBe(2);
  });

  it('goes on at once when the clock is set back, without an epoch that ends before it began', async () => {
    await tickAt(START);
    await earn();
    await tickAt(START + 1_000 * HOUR_MS);
    await earn();
    await tickAt(START);
    await tickAt(START + HOUR_MS);
    const rows = await closed();
    expect(rows.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(rows.every((row) => row.closed_at >= row.opened_at)).toBe(true);
  });

  it('never makes two epochs of one length or a negative one, whatever the clock does', async () => {
    let before = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (list: readonly Step[]) => {
        let now = START;
        let ticks = 0;
        const earned = new Map<number, number>();
        for (const step of list) {
          if (step.kind === 'earn') {
            const epoch = await earn();
            earned.set(epoch, (earned.get(epoch) ?? 0) + 1);
          } else {
            now += step.byMs;
            ticks += 1;
            await tickAt(now);
          }
        }
        const rows = (await closed()).filter(({ epoch }) => epoch > before);
        expect(rows.length).toBeLessThanOrEqual(ticks);
        for (const row of rows) {
          expect(row.closed_at >= row.opened_at).toBe(true);
          // What was open when the run before ended has its earnings in both.
          if (row.epoch > before + 1) expect(Number(row.wei)).toBe(earned.get(row.epoch));
        }
        before = Math.max(before, ...rows.map(({ epoch }) => epoch));
      }),
      { numRuns: 20 },
    );
  });

  it('waits for those who credit under its number, and keeps the next ones out', async () => {
    await tickAt(START);
    await earn();
    const gate = Promise.withResolvers<void>();
    const slow = earn(gate.promise);
    await earn();
    const closing = tickAt(START + HOUR_MS);
    gate.resolve();
    expect(await slow).toBe(1);
    await closing;
    expect(await closed()).toMatchObject([{ epoch: 1, wei: '3' }]);
    expect(await earn()).toBe(2);
  });

  it('E4: the same rows give the same manifest, whoever writes it and how often', async () => {
    await tickAt(START);
    for (let n = 0; n < 5; n += 1) await earn();
    await tickAt(START + HOUR_MS);
    const written = await epochs.records.ledgerEpoch(1);
    await database.query('UPDATE ledger_epoch SET manifest = NULL');
    await epochs.manifests.ledger(1);
    expect((await epochs.records.ledgerEpoch(1))?.manifest).toBe(written?.manifest);
    expect(written?.manifest).toMatch(/^[0-9a-f]{64}$/);
    const segments = await database.query<{ manifest: string }>(
      'SELECT DISTINCT manifest FROM manifest_segment',
    );
    expect(segments).toEqual([{ manifest: written?.manifest }]);
  });
});
