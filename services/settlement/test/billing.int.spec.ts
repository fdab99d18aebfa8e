import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { AnnouncePrice } from '../src/application/billing/announce-price.js';
import { FreeTiers, grantFreeTier } from '../src/application/billing/grant-free-tier.js';
import { RefundAnswer } from '../src/application/billing/refund-answer.js';
import { SetBudget } from '../src/application/billing/set-budget.js';
import { TellBudgets } from '../src/application/billing/tell-budgets.js';
import type { ServedRequest } from '../src/application/metering/metering-ports.js';
import { RecordUsage } from '../src/application/metering/record-usage.js';
import { EndLease } from '../src/application/prepaid/end-lease.js';
import { HoldBalance } from '../src/application/prepaid/hold-balance.js';
import { LeaseBalance } from '../src/application/prepaid/lease-balance.js';
import { creditNoteName, type RefundRequest } from '../src/domain/billing/refund.js';
import {
  type Account,
  CHAIN_VAULT,
  leased,
  PLATFORM,
  payer,
  sponsor,
} from '../src/domain/ledger/accounts.js';
import { availableOf } from '../src/domain/ledger/standing.js';
import { single } from '../src/domain/ledger/transfer.js';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresBillingQueries } from '../src/outbound/billing/postgres-billing-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { codeOf, model } from './billing-fixture.js';

const NOVEMBER = new Date('2026-11-21T12:00:00Z');
const DECEMBER = new Date('2026-12-01T00:00:00Z');
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const after = (time: Date, ms: number) => new Date(time.getTime() + ms);

describe('billing', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  let queries: PostgresBillingQueries;
  let usage: RecordUsage;
  let leaseBalance: LeaseBalance;
  let holdBalance: HoldBalance;
  let endLease: EndLease;
  let organisationId: string;

  beforeAll(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    queries = new PostgresBillingQueries(database);
    usage = new RecordUsage(store, { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map() });
    leaseBalance = new LeaseBalance(store, { useForMs: 60_000, abandonAfterMs: HOUR_MS });
    holdBalance = new HoldBalance(store, 60_000);
    endLease = new EndLease(store);
    await usage.modelDeployed(newId(), model, NOVEMBER);
  });
  afterAll(() => database.close());
  beforeEach(() => {
    organisationId = newId();
  });

  const move = (debit: Account, credit: Account, amountWei: bigint) =>
    store.transaction((tx) =>
      tx.ledger.post([single({ debit, credit, amountWei, reason: 'deposit', reference: newId() })]),
    );
  const deposit = (amountWei: bigint, id = organisationId) => move(CHAIN_VAULT, payer(id), amountWei);
  const wei = (account: Account) =>
    store.transaction(async (tx) => availableOf(await tx.ledger.lock(account)));
  const ownWei = () => wei(payer(organisationId));
  const lease = async (minimumWei: bigint, wantedWei = minimumWei, now = NOVEMBER) => {
    const leaseId = newId();
    const answer = await leaseBalance.run({ leaseId, organisationId, wantedWei, minimumWei }, now);
    return { leaseId, ...answer };
  };
  const hold = (completionTokensMax: number, now = NOVEMBER, modelId = model.id) =>
    holdBalance.run(
      { requestId: newId(), organisationId, modelId, promptTokens: 0, completionTokensMax },
      now,
    );
  const serve = async (
    completionTokens: number,
    servedAt = NOVEMBER,
    fields: Partial<ServedRequest> = {},
  ) => {
    const served: ServedRequest = {
      id: newId(),
      organisationId,
      modelId: model.id,
      usage: { promptTokens: 0, completionTokens },
      holdId: '',
      servedAt,
      ...fields,
    };
    await usage.served(newId(), served, servedAt);
    return served.id;
  };
  const feeOf = (requestId: string) =>
    store.transaction(async (tx) => (await tx.refunds.answer(requestId))?.feeWei);
  const eventsOf = async <T>(topic: string, id = organisationId): Promise<T[]> => {
    const rows = await database.query<{ body: Buffer }>(
      'SELECT body FROM outbox WHERE topic = $1 AND key = $2 ORDER BY position',
      [topic, id],
    );
    return rows.map(({ body }) => JSON.parse(body.toString()) as T);
  };

  describe('price lists', () => {
    const notice = { raiseMs: DAY_MS, reductionMs: 600_000 };
    const priced = (completionWeiPerMillion: bigint) => ({
      promptWeiPerMillion: 0n,
      completionWeiPerMillion,
    });
    let modelId: string;
    let announcePrice: AnnouncePrice;
    const announce = (completion: bigint, now: Date, effectiveAt?: Date) =>
      announcePrice.run(
        {
          modelId,
          organisationId: model.developerOrganisationId,
          personId: 'developer',
          price: priced(completion),
          ...(effectiveAt ? { effectiveAt } : {}),
        },
        now,
      );
    const toldOf = (completion: bigint, tokens: number) => ({
      told: {
        promptWeiPerMillion: '0',
        completionWeiPerMillion: completion.toString(),
        feeWei: ((BigInt(tokens) * completion) / 1_000_000n).toString(),
      },
      modelId,
    });

    beforeEach(async () => {
      modelId = newId();
      announcePrice = new AnnouncePrice(store, notice);
      await usage.modelDeployed(newId(), { ...model, id: modelId }, NOVEMBER);
      await deposit(1_000n);
    });

    it('charges by the version in force, the very millisecond of a change included', async () => {
      const raised = await announce(2_000_000n, NOVEMBER);
      expect(raised).toMatchObject({ number: 2, effectiveAt: after(NOVEMBER, DAY_MS) });
      const before = await serve(10, after(raised.effectiveAt, -1), { modelId });
      const at = await serve(10, raised.effectiveAt, { modelId });
      expect([await feeOf(before), await feeOf(at)]).toEqual([10n, 20n]);
      expect((await hold(10, after(raised.effectiveAt, -1), modelId)).heldWei).toBe(10n);
      expect((await hold(10, raised.effectiveAt, modelId)).heldWei).toBe(20n);
    });

    it('keeps a promise made before a change, and no raise that was told too early', async () => {
      const { effectiveAt } = await announce(2_000_000n, NOVEMBER);
      const soon = after(effectiveAt, 60_000);
      const promised = await serve(10, soon, toldOf(1_000_000n, 10));
      const later = await serve(10, after(effectiveAt, HOUR_MS), toldOf(1_000_000n, 10));
      const early = await serve(10, after(effectiveAt, -60_000), toldOf(2_000_000n, 10));
      expect([await feeOf(promised), await feeOf(later), await feeOf(early)]).toEqual([10n, 20n, 10n]);
    });

    it('goes by its own clock where that of a gateway runs ahead', async () => {
      const { effectiveAt } = await announce(2_000_000n, NOVEMBER);
      const id = await serve(10, NOVEMBER, {
        ...toldOf(2_000_000n, 10),
        servedAt: after(effectiveAt, DAY_MS * 30),
      });
      expect(await feeOf(id)).toBe(10n);
      const spent = (month: string) => store.transaction((tx) => tx.budgets.spent(organisationId, month));
      expect([await spent('2026-11'), await spent('2026-12')]).toEqual([10n, 0n]);
    });

    it('charges cached prompt tokens by their own price', async () => {
      const price = {
        promptWeiPerMillion: 4_000_000n,
        cachedPromptWeiPerMillion: 1_000_000n,
        completionWeiPerMillion: 0n,
      };
      modelId = newId();
      await usage.modelDeployed(newId(), { ...model, id: modelId, price }, NOVEMBER);
      const used = { promptTokens: 10, cachedTokens: 6, completionTokens: 3 };
      const id = await serve(0, NOVEMBER, { modelId, usage: used });
      expect(await feeOf(id)).toBe(22n);
      const requestId = newId();
      const held = await holdBalance.run(
        { requestId, organisationId, modelId, promptTokens: 10, completionTokensMax: 3 },
        NOVEMBER,
      );
      expect(held.heldWei).toBe(40n);
      await serve(0, NOVEMBER, { id: requestId, holdId: requestId, modelId, usage: used });
      expect(await feeOf(requestId)).toBe(22n);
    });

    it('lets the developer alone announce, once however often it is said', async () => {
      const stranger = { modelId, organisationId, personId: 'p', price: priced(1n) };
      expect(await codeOf(announcePrice.run(stranger, NOVEMBER))).toBe('MODEL_NOT_YOURS');
      const unknown = { ...stranger, modelId: newId() };
      expect(await codeOf(announcePrice.run(unknown, NOVEMBER))).toBe('MODEL_NOT_DEPLOYED');
      const at = after(NOVEMBER, 2 * DAY_MS);
      const both = await Promise.all([announce(5n, NOVEMBER, at), announce(5n, NOVEMBER, at)]);
      expect(both.map(({ number }) => number)).toEqual([2, 2]);
      expect(await codeOf(announce(5n, NOVEMBER, after(NOVEMBER, 1)))).toBe('PRICE_NOTICE_TOO_SHORT');
      expect((await queries.prices(modelId)).map(({ number }) => number).toSorted()).toEqual([1, 2]);
    });

    it('is never changed, also not by a deployment that comes again', async () => {
      await usage.modelDeployed(newId(), { ...model, id: modelId }, NOVEMBER);
      expect(await queries.prices(modelId)).toHaveLength(1);
      const change = database.query('UPDATE price_version SET completion_wei_per_million = 0');
      await expect(change).rejects.toThrow('append-only');
    });
  });

  describe('free tiers', () => {
    let sponsorName: string;
    let freeTiers: FreeTiers;
    let before: bigint;
    const sponsorWei = async () => (await wei(sponsor(sponsorName))) - before;

    beforeEach(async () => {
      sponsorName = `ecosystem-${newId().slice(-12)}`;
      freeTiers = new FreeTiers(store);
      await move(CHAIN_VAULT, sponsor(sponsorName), 1_000n);
      before = await wei(sponsor(sponsorName));
      await freeTiers.set({ organisationId, sponsor: sponsorName, monthlyWei: 100n }, NOVEMBER);
    });

    it('gives the grant of a month once, however many ask first', async () => {
      const asked = await Promise.all(Array.from({ length: 6 }, () => lease(10n)));
      expect(asked.map(({ kind }) => kind)).toEqual(Array(6).fill('granted'));
      expect([await ownWei(), await wei(leased(organisationId)), await sponsorWei()]).toEqual([
        40n,
        60n,
        -100n,
      ]);
    });

    it('takes the rest back when the month is over, and gives again', async () => {
      await deposit(50n);
      await lease(1n).then(({ leaseId }) => endLease.run(leaseId, 0, NOVEMBER));
      await serve(30);
      expect(await ownWei()).toBe(120n);
      expect(await queries.freeTier(organisationId)).toMatchObject({
        grant: { month: '2026-11', amountWei: 100n, unspentWei: 70n },
      });
      await hold(1, after(DECEMBER, -1));
      expect(await sponsorWei()).toBe(-100n);
      // A hold of 1 is open over the turn of the month, and counts as spent.
      await hold(1, DECEMBER);
      expect(await sponsorWei()).toBe(-100n + 69n - 100n);
      expect(await ownWei()).toBe(50n + 1n + 100n - 2n);
    });

    it('never takes own money, though more than the grant was spent', async () => {
      await deposit(500n);
      await hold(1);
      await serve(250);
      await hold(1, DECEMBER);
      expect(await sponsorWei()).toBe(-200n);
      expect(await ownWei()).toBe(500n + 100n - 250n + 100n - 2n);
    });

    it('neither grants nor takes back twice when the clock goes back', async () => {
      await hold(1);
      await hold(1, after(DECEMBER, 40 * DAY_MS));
      const given = await sponsorWei();
      for (const now of [NOVEMBER, DECEMBER, after(DECEMBER, 35 * DAY_MS)]) await hold(1, now);
      expect(await sponsorWei()).toBe(given);
      await hold(1, after(DECEMBER, 70 * DAY_MS));
      expect(await queries.freeTier(organisationId)).toMatchObject({ grant: { month: '2027-02' } });
    });

    it('waits for a sponsor that has nothing, and refuses nobody for that', async () => {
      await freeTiers.set({ organisationId, sponsor: sponsorName, monthlyWei: 5_000n }, NOVEMBER);
      await deposit(10n);
      expect(await lease(5n)).toMatchObject({ kind: 'granted' });
      expect(await sponsorWei()).toBe(0n);
      await move(CHAIN_VAULT, sponsor(sponsorName), 4_000n);
      await lease(1_000n);
      expect(await wei(sponsor(sponsorName))).toBe(0n);
    });

    it('is funded by an operator, once for each id', async () => {
      await deposit(70n);
      const funding = { id: newId(), sponsor: sponsorName, organisationId, amountWei: 60n };
      await Promise.all([freeTiers.fund(funding), freeTiers.fund(funding)]);
      expect([await ownWei(), await sponsorWei()]).toEqual([10n, 60n]);
      expect(await codeOf(freeTiers.fund({ ...funding, amountWei: 5n }))).toBe('FUNDING_CONFLICT');
      expect(await codeOf(freeTiers.fund({ ...funding, id: newId() }))).toBe('INSUFFICIENT_BALANCE');
      expect(await codeOf(freeTiers.fund({ ...funding, sponsor: 'No' }))).toBe('SPONSOR_INVALID');
    });

    it('ends with the month once it is set to nothing', async () => {
      await hold(1);
      await freeTiers.set({ organisationId, sponsor: sponsorName, monthlyWei: 0n }, NOVEMBER);
      // Without money of its own, what is left of the grant pays for nothing in the next month.
      expect(await codeOf(hold(1, DECEMBER))).toBe('INSUFFICIENT_BALANCE');
      await store.transaction((tx) => grantFreeTier(tx, organisationId, DECEMBER));
      expect([await ownWei(), await sponsorWei()]).toEqual([0n, -1n]);
    });
  });

  describe('budgets', () => {
    let budgets: SetBudget;
    let tellBudgets: TellBudgets;
    const set = (monthlyWei: bigint, alertPercents: readonly number[] = [50, 80, 100]) =>
      budgets.set({ organisationId, monthlyWei, alertPercents }, NOVEMBER);
    const alerts = () => eventsOf<{ thresholdPercent: number; month: string }>('settlement.budget-alert.v1');

    beforeEach(async () => {
      budgets = new SetBudget(store);
      tellBudgets = new TellBudgets(store);
      await deposit(10_000n);
    });

    it('bounds leases and holds by what is left of it, open leases included', async () => {
      await set(100n);
      const first = await lease(40n, 1_000n);
      expect(first).toMatchObject({ kind: 'granted', grantedWei: 40n });
      await hold(30);
      expect(await lease(31n)).toMatchObject({ kind: 'set-aside' });
      expect(await codeOf(hold(31))).toBe('FUNDS_LEASED');
      expect(await codeOf(lease(101n))).toBe('BUDGET_EXCEEDED');
      await endLease.run(first.leaseId, 0, NOVEMBER);
      expect(await lease(70n)).toMatchObject({ kind: 'granted', grantedWei: 70n });
    });

    it('never has more spent and set aside than it allows, however many ask at once', async () => {
      await set(100n);
      const asked = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          (i % 2 === 0 ? lease(30n) : hold(30)).catch((error: unknown) => error),
        ),
      );
      const given = asked.filter(
        (one) => one && typeof one === 'object' && ('heldWei' in one || 'grantedWei' in one),
      );
      expect(given).toHaveLength(3);
      expect(await queries.budget(organisationId, '2026-11')).toMatchObject({
        spentWei: 0n,
        setAsideWei: 90n,
      });
    });

    it('counts what was spent in this month alone', async () => {
      await set(100n);
      await serve(90, after(NOVEMBER, -30 * DAY_MS));
      await serve(60);
      expect(await codeOf(lease(41n))).toBe('BUDGET_EXCEEDED');
      await expect(hold(41)).rejects.toMatchObject({
        kind: 'payment-required',
        details: { budgetWei: '100', spentWei: '60', neededWei: '41', resetsAt: DECEMBER.toISOString() },
      });
      expect(await lease(41n, 41n, DECEMBER)).toMatchObject({ grantedWei: 41n });
      await budgets.lift(organisationId);
      expect(await lease(500n)).toMatchObject({ grantedWei: 500n });
    });

    it('tells each threshold once a month, whatever the clock does', async () => {
      await set(100n);
      await serve(49);
      await tellBudgets.run(NOVEMBER);
      expect(await alerts()).toEqual([]);
      await serve(35);
      await Promise.all([tellBudgets.run(NOVEMBER), tellBudgets.run(NOVEMBER)]);
      for (const now of [NOVEMBER, DECEMBER, NOVEMBER]) await tellBudgets.run(now);
      expect((await alerts()).map(({ month, thresholdPercent }) => [month, thresholdPercent])).toEqual([
        ['2026-11', 50],
        ['2026-11', 80],
      ]);
      await serve(50, DECEMBER);
      await tellBudgets.run(DECEMBER);
      await tellBudgets.run(NOVEMBER);
      expect((await alerts()).slice(2)).toMatchObject([
        { month: '2026-12', thresholdPercent: 50, budgetWei: '100', spentWei: '50' },
      ]);
    });

    it('tells when it refuses, once, also where a little is left', async () => {
      await set(100n);
      await serve(70);
      for (let times = 0; times < 3; times += 1) expect(await codeOf(lease(40n))).toBe('BUDGET_EXCEEDED');
      expect(await alerts()).toMatchObject([{ thresholdPercent: 100, spentWei: '70' }]);
      await set(100n, [50]);
      expect(await codeOf(hold(40))).toBe('BUDGET_EXCEEDED');
      expect(await alerts()).toHaveLength(1);
    });
  });

  describe('refunds', () => {
    let refundAnswer: RefundAnswer;
    const asking = (requestId: string, fields: Partial<RefundRequest> = {}): RefundRequest => ({
      id: newId(),
      requestId,
      reason: 'quality',
      note: '',
      ...fields,
    });
    const refund = (request: RefundRequest, now = NOVEMBER) => refundAnswer.run(request, 'operator', now);

    beforeEach(async () => {
      refundAnswer = new RefundAnswer(store);
      await deposit(1_000n);
    });

    it('gives a fee back from the platform, in parts and to the last wei', async () => {
      await move(CHAIN_VAULT, PLATFORM, 100n);
      const id = await serve(100);
      const platformWei = await wei(PLATFORM);
      const first = await refund(asking(id, { amountWei: 30n, note: 'wrong tongue' }));
      expect(first).toMatchObject({ feeWei: 100n, amountWei: 30n, refundedWei: 30n, number: 1, year: 2026 });
      expect(await refund(asking(id))).toMatchObject({ amountWei: 70n, refundedWei: 100n, number: 2 });
      expect([await ownWei(), await wei(PLATFORM)]).toEqual([1_000n, platformWei - 100n]);
      expect(await codeOf(refund(asking(id)))).toBe('REFUND_EXCEEDS_FEE');
      expect(await eventsOf('settlement.refunded.v1')).toMatchObject([
        { requestId: id, amountWei: '30', reason: 'quality', creditNote: 'CN-2026-000001' },
        { requestId: id, amountWei: '70', creditNote: 'CN-2026-000002' },
      ]);
    });

    it('has one effect for each id, and refuses other content under it', async () => {
      await move(CHAIN_VAULT, PLATFORM, 100n);
      const id = await serve(100);
      const request = asking(id, { amountWei: 60n });
      const [one, two] = await Promise.all([refund(request), refund(request)]);
      expect(one).toEqual(two);
      expect(await ownWei()).toBe(960n);
      const other = await serve(5);
      for (const change of [
        { amountWei: 59n },
        { requestId: other },
        { note: 'x' },
        { reason: 'outage' as const },
      ]) {
        expect(await codeOf(refund({ ...request, ...change }))).toBe('REFUND_CONFLICT');
      }
      const { amountWei: _, ...whole } = request;
      expect(await codeOf(refund(whole))).toBe('REFUND_CONFLICT');
    });

    it('never gives back more than the fee, however many ask at once', async () => {
      await move(CHAIN_VAULT, PLATFORM, 1_000n);
      const id = await serve(100);
      const asked = Array.from({ length: 6 }, () => codeOf(refund(asking(id, { amountWei: 30n }))));
      const codes = await Promise.all(asked);
      expect(codes.toSorted()).toEqual([...Array(3).fill('REFUND_EXCEEDS_FEE'), ...Array(3).fill('done')]);
      expect(await ownWei()).toBe(990n);
    });

    it('refuses what cannot be refunded, and leaves no trace of it', async () => {
      const id = await serve(10);
      expect(await codeOf(refund(asking(newId())))).toBe('RECEIPT_UNKNOWN');
      expect(await codeOf(refund(asking(id, { amountWei: 0n })))).toBe('REFUND_INVALID');
      expect(await codeOf(refund(asking(id, { amountWei: -1n })))).toBe('REFUND_INVALID');
      expect(await codeOf(refund(asking(id, { amountWei: 11n })))).toBe('REFUND_EXCEEDS_FEE');
      expect(await codeOf(refund(asking(await serve(0))))).toBe('REFUND_EXCEEDS_FEE');
      const waiting = await serve(10, NOVEMBER, { modelId: newId() });
      expect(await codeOf(refund(asking(waiting)))).toBe('REFUND_NOT_METERED');
      expect(await queries.creditNotes(organisationId, undefined, 10)).toEqual([]);
    });

    it('waits for a platform that has too little, without a gap in the numbers', async () => {
      const id = await serve(100);
      const haveWei = await wei(PLATFORM);
      if (haveWei > 0n) await move(PLATFORM, CHAIN_VAULT, haveWei);
      expect(await codeOf(refund(asking(id)))).toBe('PLATFORM_FUNDS_INSUFFICIENT');
      await move(CHAIN_VAULT, PLATFORM, 100n);
      expect(await refund(asking(id))).toMatchObject({ number: 1 });
    });

    it('numbers credit notes without gaps within organisation and year, at whatever time', async () => {
      await move(CHAIN_VAULT, PLATFORM, 1_000n);
      const ids = await Promise.all(Array.from({ length: 8 }, () => serve(10)));
      await Promise.all(ids.slice(0, 5).map((id) => refund(asking(id))));
      const newYear = await refund(asking(ids[5] ?? ''), after(DECEMBER, 31 * DAY_MS));
      const back = await refund(asking(ids[6] ?? ''), after(NOVEMBER, -HOUR_MS));
      expect([creditNoteName(newYear), creditNoteName(back)]).toEqual(['CN-2027-000001', 'CN-2026-000006']);
      // Never issued before the note in front of it.
      expect(back.issuedAt).toEqual(NOVEMBER);
      const all = await queries.creditNotes(organisationId, undefined, 10);
      expect(all.map(({ year, number }) => [year, number])).toEqual([
        [2027, 1],
        ...[6, 5, 4, 3, 2, 1].map((number) => [2026, number]),
      ]);
      const page = await queries.creditNotes(organisationId, { year: 2026, number: 4 }, 2);
      expect(page.map(({ number }) => number)).toEqual([3, 2]);
      await expect(database.query('DELETE FROM credit_note')).rejects.toThrow('append-only');
    });
  });
});
