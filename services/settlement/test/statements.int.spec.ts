import { derivedId, newId, PPB } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { SealLedger } from '../src/application/ledger/seal-ledger.js';
import type { ScoredRequest, ServedRequest } from '../src/application/metering/metering-ports.js';
import { RecordUsage } from '../src/application/metering/record-usage.js';
import { LeaseBalance } from '../src/application/prepaid/lease-balance.js';
import { WriteStatement } from '../src/application/statements/write-statement.js';
import { accrualOf, CHAIN_VAULT, leased, payer, wallet } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { boundsOf } from '../src/domain/statements/statement.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresLedgerQueries } from '../src/outbound/ledger/postgres-ledger-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { PostgresStatements } from '../src/outbound/statements/postgres-statements.js';

const ORGANISATION = newId();
const ALICE = newId();
const MODEL = newId();
const scored: ScoredRequest = {
  attribution: {
    contributors: [{ contributorId: ALICE, influencePpb: PPB, contextPpb: 0n, basePpb: PPB }],
    baseModelPpb: 0n,
    reservePpb: 0n,
    reliabilityPpb: PPB,
  },
  partyOf: new Map(),
};

describe('statements', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  let ledger: PostgresLedgerQueries;
  let usage: RecordUsage;
  /** The database's clock says when a transfer was recorded, so the month under test is the current one. */
  const began = new Date();
  const month = began.toISOString().slice(0, 7);
  const monthLater = boundsOf(month).to;

  beforeEach(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    ledger = new PostgresLedgerQueries(database);
    usage = new RecordUsage(store, { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map() });
    const price = { promptWeiPerMillion: 1_000_000n, completionWeiPerMillion: 1_000_000n };
    const model = { id: MODEL, name: 'tides', developerOrganisationId: newId(), baseDigest: 'base', price };
    await usage.modelDeployed(newId(), { ...model, deployedAt: began }, began);
  });
  afterEach(() => database.close());

  const statements = (now: Date) =>
    new WriteStatement(ledger, new PostgresStatements(database), { now: () => now });
  const move = (...given: Parameters<typeof single>[0][]) =>
    store.transaction((tx) => tx.ledger.post(given.map(single)));
  const deposit = (amountWei: bigint, reference: string) =>
    move({ debit: CHAIN_VAULT, credit: payer(ORGANISATION), amountWei, reason: 'deposit', reference });
  const answer = async (name: string, tokens: number, servedAt = new Date()) => {
    const id = derivedId(MODEL, name);
    const served: ServedRequest = {
      id,
      organisationId: ORGANISATION,
      modelId: MODEL,
      usage: { promptTokens: tokens, completionTokens: tokens },
      holdId: '',
      servedAt,
    };
    await usage.served(newId(), served, new Date());
    await usage.scored(newId(), id, scored, new Date());
  };
  const prepaidNow = async (at: Date) => {
    const standings = await ledger.standingsAt([payer(ORGANISATION), leased(ORGANISATION)], at);
    return standings.reduce((sum, one) => sum + one.creditsPostedWei - one.debitsPostedWei, 0n);
  };

  it.each([false, true])('add up from opening to closing, sealed or not (%s)', async (sealed) => {
    await deposit(1_000n, '0xdeposit');
    await new LeaseBalance(store, { useForMs: 1_000, abandonAfterMs: 1_000 }).run(
      { leaseId: newId(), organisationId: ORGANISATION, wantedWei: 100n, minimumWei: 10n },
      new Date(),
    );
    await answer('one', 10);
    await answer('two', 20);
    if (sealed) await new SealLedger(store).run(new Date());
    await deposit(50n, '0xsecond');

    const statement = await statements(monthLater).prepaid(ORGANISATION, month);
    expect(statement).toMatchObject({ openingWei: 0n, closingWei: 990n, final: true });
    expect(statement.closingWei).toBe(await prepaidNow(monthLater));
    expect(statement.lines).toEqual([
      { kind: 'top-up', description: '0xdeposit', amountWei: 1_000n },
      { kind: 'top-up', description: '0xsecond', amountWei: 50n },
      {
        kind: 'usage',
        description: 'tides',
        answers: 2,
        promptTokens: 30,
        completionTokens: 30,
        amountWei: -60n,
      },
    ]);
    const next = monthLater.toISOString().slice(0, 7);
    const following = await statements(new Date(monthLater.getTime() + 1)).prepaid(ORGANISATION, next);
    expect(following).toMatchObject({ openingWei: 990n, closingWei: 990n, lines: [], final: false });
  });

  it('tell of answers that were served in one month and booked in another', async () => {
    await deposit(100n, '0xdeposit');
    await answer('late', 10, new Date(boundsOf(month).from.getTime() - 1));
    const statement = await statements(monthLater).prepaid(ORGANISATION, month);
    expect(statement.lines.at(-1)).toEqual({
      kind: 'other',
      description: 'answers added up in another month, or not yet',
      amountWei: -20n,
    });
    expect(statement.closingWei).toBe(80n);
  });

  it('tell payees what they earned by model, and what was promised to their wallet', async () => {
    await deposit(100n, '0xdeposit');
    await answer('one', 50);
    const earned = { role: 'contributor', payeeId: ALICE } as const;
    const credit = wallet(`0x${'ab'.repeat(20)}`);
    await move({ debit: accrualOf(earned), credit, amountWei: 30n, reason: 'epoch', reference: 'epoch:1' });
    await usage.sumEarnings();
    const statement = await statements(monthLater).earnings(ALICE, month);
    expect(statement.lines).toEqual([
      { kind: 'paid-out', description: 'epoch:1', amountWei: -30n },
      { kind: 'earned', description: 'tides (contributor)', answers: 1, amountWei: 50n },
    ]);
    expect(statement.closingWei).toBe(20n);
    await expect(statements(began).earnings(ALICE, '2099-01')).rejects.toMatchObject({ code: 'MONTH_AHEAD' });
  });
});
