import { newId, PPB } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import type {
  PricedModel,
  ScoredRequest,
  ServedRequest,
} from '../src/application/metering/metering-ports.js';
import { RecordUsage } from '../src/application/metering/record-usage.js';
import { EndHold } from '../src/application/prepaid/end-hold.js';
import { HoldBalance } from '../src/application/prepaid/hold-balance.js';
import { CHAIN_VAULT, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { migrations } from '../src/migrations/index.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { PostgresQueries } from '../src/outbound/postgres-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { contractsWithoutChain } from './contracts-without-chain.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const NOW = new Date('2026-11-20T12:00:00Z');
const later = (ms: number) => new Date(NOW.getTime() + ms);

const model: PricedModel = {
  id: 'model-1',
  name: 'seedling-health',
  developerOrganisationId: 'dev-org',
  baseDigest: 'base',
  price: { promptWeiPerMillion: 2_000_000n, completionWeiPerMillion: 7_000_000n },
  deployedAt: NOW,
};
const served: ServedRequest = {
  id: 'request-1',
  organisationId: ORGANISATION,
  modelId: model.id,
  usage: { promptTokens: 10, completionTokens: 11 },
  holdId: 'request-1',
  servedAt: NOW,
};
const FEE_WEI = 97n;
const scored: ScoredRequest = {
  attribution: {
    contributors: [
      { contributorId: 'alice', influencePpb: 500_000_001n, contextPpb: 0n, basePpb: 300_000_000n },
      { contributorId: 'bob', influencePpb: 100_000_000n, contextPpb: 0n, basePpb: 700_000_000n },
    ],
    baseModelPpb: 299_999_999n,
    reservePpb: 100_000_000n,
    reliabilityPpb: PPB / 3n,
  },
  partyOf: new Map([['alice', 'party-1']]),
};

describe('metering and crediting', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  let queries: PostgresQueries;
  let usage: RecordUsage;
  let holdBalance: HoldBalance;
  let endHold: EndHold;

  beforeEach(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    queries = new PostgresQueries(database, new EthereumPayoutContracts(...contractsWithoutChain()));
    usage = new RecordUsage(store, { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map() });
    holdBalance = new HoldBalance(store, 60_000);
    endHold = new EndHold(store);
    await deposit(1_000n);
  });
  afterEach(() => database.close());

  const deposit = (amountWei: bigint) =>
    store.transaction((tx) =>
      tx.ledger.post([
        single({
          debit: CHAIN_VAULT,
          credit: payer(ORGANISATION),
          amountWei,
          reason: 'deposit',
          reference: newId(),
        }),
      ]),
    );
  const hold = (requestId = served.id, completionTokensMax = 20) =>
    holdBalance.run(
      { requestId, organisationId: ORGANISATION, modelId: model.id, promptTokens: 10, completionTokensMax },
      NOW,
    );
  const credited = async () => {
    const rows = await database.query<{ body: Buffer }>(
      "SELECT body FROM outbox WHERE topic = 'settlement.credited.v1'",
    );
    return rows.map((row) => JSON.parse(row.body.toString('utf8')));
  };
  const expectBalanced = async (clearingWei: bigint) => {
    const trial = await queries.trialBalance();
    expect(trial.debitsWei).toBe(trial.creditsWei);
    expect(trial.pendingDebitsWei).toBe(trial.pendingCreditsWei);
    expect(trial.clearingWei).toBe(clearingWei);
  };

  const arrivals = {
    model: () => usage.modelDeployed(newId(), model, NOW),
    served: () => usage.served(newId(), served, NOW),
    scored: () => usage.scored(newId(), served.id, scored, NOW),
  };
  type Arrival = keyof typeof arrivals;
  const orders: Arrival[][] = [
    ['model', 'served', 'scored'],
    ['model', 'scored', 'served'],
    ['served', 'model', 'scored'],
    ['served', 'scored', 'model'],
    ['scored', 'model', 'served'],
    ['scored', 'served', 'model'],
  ];

  it.each(orders)('credits the same receipt when %s comes before %s before %s', async (...order) => {
    for (const arrival of order) await arrivals[arrival]();
    const receipt = await queries.receipt(served.id);
    expect(receipt?.feeWei).toBe(FEE_WEI);
    expect(receipt?.parts.reduce((sum, part) => sum + part.amountWei, 0n)).toBe(FEE_WEI);
    expect(receipt?.parts.find((part) => part.payeeId === 'alice')).toMatchObject({ partyId: 'party-1' });
    expect(receipt?.parts.map((part) => `${part.role}:${part.payeeId}=${part.amountWei}`)).toEqual([
      'platform:=10',
      'developer:dev-org=19',
      'stakers:=19',
      'contributor:alice=18',
      'contributor:bob=24',
      'reserve:=7',
    ]);
    await expectBalanced(0n);
  });

  const receiptOf = async (attribution: ScoredRequest['attribution']) => {
    await usage.scored(newId(), served.id, { ...scored, attribution }, NOW);
    await arrivals.served();
    await arrivals.model();
    const receipt = await queries.receipt(served.id);
    return receipt?.parts.map((part) => `${part.role}:${part.payeeId}=${part.amountWei}`);
  };

  it('pays retrieved chunks as they were measured, and blends the rest', async () => {
    const parts = await receiptOf({
      ...scored.attribution,
      contributors: [
        ...scored.attribution.contributors,
        { contributorId: 'carl', influencePpb: 0n, contextPpb: 299_999_999n, basePpb: 0n },
      ],
      baseModelPpb: 0n,
    });
    expect(parts?.slice(3)).toEqual([
      // Of 49: 49 · (0.5 / 3 + 0.7 · 0.3 · 2 / 3), 49 · (0.1 / 3 + 0.7 · 0.7 · 2 / 3), 49 · 0.3.
      'contributor:alice=15',
      'contributor:bob=18',
      'contributor:carl=15',
      'reserve:=1',
    ]);
    await expectBalanced(0n);
  });

  it('gives the whole of the contributors to the reserve where nobody could be found', async () => {
    const nobody = { contributors: [], baseModelPpb: 0n, reservePpb: PPB, reliabilityPpb: 0n };
    expect((await receiptOf(nobody))?.slice(3)).toEqual(['reserve:=49']);
    await expectBalanced(0n);
  });

  it('credits once when the last two arrive at the same time, and whatever is repeated', async () => {
    await arrivals.model();
    await Promise.all([arrivals.served(), arrivals.scored(), arrivals.served(), arrivals.scored()]);
    for (const arrival of ['model', 'served', 'scored'] as const) await arrivals[arrival]();
    const events = await credited();
    expect(events).toHaveLength(1);
    const amounts: string[] = events[0].parts.map((part: { amountWei: string }) => part.amountWei);
    expect(amounts.reduce((sum, wei) => sum + BigInt(wei), 0n)).toBe(BigInt(events[0].feeWei));
    expect((await queries.balance(ORGANISATION)).availableWei).toBe(1_000n - FEE_WEI);
    await expectBalanced(0n);
  });

  it('handles an event id once', async () => {
    await arrivals.model();
    const eventId = newId();
    expect(await usage.served(eventId, served, NOW)).toBe(true);
    expect(await usage.served(eventId, served, NOW)).toBe(false);
  });

  it('holds the most that a request can cost, charges what it did cost, frees the rest', async () => {
    await arrivals.model();
    const held = await hold();
    expect(held.heldWei).toBe(160n);
    expect(await hold()).toMatchObject({ heldWei: 160n });
    expect(await queries.balance(ORGANISATION)).toEqual({ availableWei: 840n, heldWei: 160n });
    await arrivals.served();
    expect(await queries.balance(ORGANISATION)).toEqual({ availableWei: 1_000n - FEE_WEI, heldWei: 0n });
    await endHold.release(served.id);
    await expectBalanced(FEE_WEI);
  });

  it('never charges more than was held', async () => {
    await arrivals.model();
    await hold(served.id, 2);
    await arrivals.served();
    expect(await queries.receipt(served.id)).toMatchObject({ pricedWei: FEE_WEI, feeWei: 34n });
  });

  it('refuses a hold beyond the balance, for an unknown model, or under a used id', async () => {
    await expect(hold()).rejects.toMatchObject({ code: 'MODEL_NOT_DEPLOYED' });
    await arrivals.model();
    await expect(hold('big', 1_000)).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
      kind: 'payment-required',
    });
    await hold();
    await expect(hold(served.id, 21)).rejects.toMatchObject({ code: 'HOLD_CONFLICT' });
    await endHold.release(served.id);
    await expect(hold()).rejects.toMatchObject({ code: 'HOLD_ENDED' });
    expect(await queries.balance(ORGANISATION)).toEqual({ availableWei: 1_000n, heldWei: 0n });
  });

  it('cannot be overspent by holds made at the same time', async () => {
    await arrivals.model();
    const attempts = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => hold(`parallel-${i}`)));
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(6);
    expect(await queries.balance(ORGANISATION)).toEqual({ availableWei: 40n, heldWei: 960n });
  });

  it('gives holds back that ran out, and still charges an answer that comes later', async () => {
    await arrivals.model();
    await hold();
    expect(await endHold.expire(later(59_000))).toBe(0);
    expect(await endHold.expire(later(60_000))).toBe(1);
    expect(await endHold.expire(later(60_000))).toBe(0);
    expect(await queries.balance(ORGANISATION)).toEqual({ availableWei: 1_000n, heldWei: 0n });
    await arrivals.served();
    expect((await queries.balance(ORGANISATION)).availableWei).toBe(1_000n - FEE_WEI);
    await expectBalanced(FEE_WEI);
  });

  it('refuses shares that do not sum to one, and changes nothing', async () => {
    await arrivals.model();
    await arrivals.served();
    const broken = { ...scored, attribution: { ...scored.attribution, reservePpb: 0n } };
    await expect(usage.scored(newId(), served.id, broken, NOW)).rejects.toMatchObject({
      code: 'SHARES_NOT_WHOLE',
    });
    await arrivals.scored();
    await expectBalanced(0n);
  });

  it('remembers who is one party, and forgets absorbed ones', async () => {
    const party = {
      id: 'p1',
      contributorIds: ['alice', 'mallory'],
      absorbedPartyIds: [],
      reason: 'copies',
      changedAt: NOW,
    };
    await store.once(newId(), (tx) => tx.metering.saveParty(party));
    expect((await queries.earnings('mallory')).partyId).toBe('p1');
    const absorbing = {
      ...party,
      id: 'p2',
      contributorIds: ['alice', 'bob'],
      absorbedPartyIds: ['p1'],
      changedAt: later(1),
    };
    await store.once(newId(), (tx) => tx.metering.saveParty(absorbing));
    await store.once(newId(), (tx) => tx.metering.saveParty(party));
    expect((await queries.earnings('alice')).partyId).toBe('p2');
  });
});
