import { DomainError, newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import fc from 'fast-check';
import type { PricedModel, ServedRequest, ToldFee } from '../src/application/metering/metering-ports.js';
import { RecordUsage } from '../src/application/metering/record-usage.js';
import { EndLease } from '../src/application/prepaid/end-lease.js';
import { HoldBalance } from '../src/application/prepaid/hold-balance.js';
import { LeaseBalance } from '../src/application/prepaid/lease-balance.js';
import { CHAIN_VAULT, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { migrations } from '../src/migrations/index.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { PostgresQueries } from '../src/outbound/postgres-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { contractsWithoutChain } from './contracts-without-chain.js';

const RUNS = 15;
const USE_MS = 60_000;
const ABANDON_MS = 3_600_000;
const NOW = new Date('2026-11-21T12:00:00Z');
const later = (ms: number) => new Date(NOW.getTime() + ms);

/** One wei a token, so that a request costs what its answer is long. */
const model: PricedModel = {
  id: 'model-1',
  name: 'seedling-health',
  developerOrganisationId: 'dev-org',
  baseDigest: 'base',
  price: { promptWeiPerMillion: 0n, completionWeiPerMillion: 1_000_000n },
  deployedAt: NOW,
};
const told = (feeWei: number): ToldFee => ({
  promptWeiPerMillion: '0',
  completionWeiPerMillion: '1000000',
  feeWei: String(feeWei),
});

/** A refusal for want of money is an answer like others; anything else is not. */
function refusalOf(error: unknown): 'INSUFFICIENT_BALANCE' {
  if (error instanceof DomainError && error.code === 'INSUFFICIENT_BALANCE') return error.code;
  throw error;
}

describe('leases', () => {
  let database: Database;
  let queries: PostgresQueries;
  let store: PostgresSettlementStore;
  let leaseBalance: LeaseBalance;
  let endLease: EndLease;
  let usage: RecordUsage;
  let organisationId: string;

  beforeAll(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    queries = new PostgresQueries(database, new EthereumPayoutContracts(...contractsWithoutChain()));
    leaseBalance = new LeaseBalance(store, { useForMs: USE_MS, abandonAfterMs: ABANDON_MS });
    endLease = new EndLease(store);
    usage = new RecordUsage(store, { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map() });
    await usage.modelDeployed(newId(), model, NOW);
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    organisationId = newId();
    await deposit(1_000n);
  });

  const deposit = (amountWei: bigint) =>
    store.transaction((tx) =>
      tx.ledger.post([
        single({
          debit: CHAIN_VAULT,
          credit: payer(organisationId),
          amountWei,
          reason: 'deposit',
          reference: newId(),
        }),
      ]),
    );
  const lease = (wantedWei: bigint, minimumWei = 1n, leaseId = newId(), now = NOW) =>
    leaseBalance.run({ leaseId, organisationId, wantedWei, minimumWei }, now);
  const leaseOf = async (wantedWei: bigint, minimumWei = wantedWei) => {
    const leaseId = newId();
    await lease(wantedWei, minimumWei, leaseId);
    return leaseId;
  };
  const answer = (holdId: string, tokens: number, fields: Partial<ServedRequest> = {}): ServedRequest => ({
    id: newId(),
    organisationId,
    modelId: model.id,
    usage: { promptTokens: 7, completionTokens: tokens },
    holdId,
    told: told(tokens),
    servedAt: NOW,
    ...fields,
  });
  const serve = (served: ServedRequest) => usage.served(newId(), served, NOW);
  const balance = () => queries.balance(organisationId);
  const charged = async (request: ServedRequest) => (await queries.receipt(request.id))?.feeWei;
  const expectBooksToBalance = async () => {
    const trial = await queries.trialBalance();
    expect([trial.debitsWei, trial.pendingDebitsWei]).toEqual([trial.creditsWei, trial.pendingCreditsWei]);
  };

  it('grants what is wanted up to a share of the balance, and at least the minimum', async () => {
    expect(await lease(100n)).toEqual({ kind: 'granted', grantedWei: 100n, useForMs: USE_MS });
    // A quarter of the 900 that are left; as money is scarce, for a short time.
    expect(await lease(500n)).toEqual({ kind: 'granted', grantedWei: 225n, useForMs: 2_000 });
    expect(await lease(500n, 400n)).toMatchObject({ grantedWei: 400n });
    expect(await balance()).toEqual({ availableWei: 275n, heldWei: 725n });
  });

  it('answers a repeated call alike, and refuses another one under the same id', async () => {
    const id = newId();
    await lease(100n, 1n, id);
    expect(await lease(100n, 1n, id, later(20_000))).toEqual({
      kind: 'granted',
      grantedWei: 100n,
      useForMs: USE_MS - 20_000,
    });
    const twice = newId();
    const both = await Promise.all([lease(50n, 1n, twice), lease(50n, 1n, twice)]);
    expect(both[0]).toEqual(both[1]);
    expect(await balance()).toEqual({ availableWei: 850n, heldWei: 150n });
    await expect(lease(101n, 1n, id)).rejects.toMatchObject({ code: 'LEASE_CONFLICT' });
    await endLease.run(id, 0, NOW);
    await expect(lease(100n, 1n, id)).rejects.toMatchObject({ code: 'LEASE_ENDED' });
  });

  it('grants nothing under an id that was given back before the call for it arrived', async () => {
    const id = newId();
    const before = await balance();
    expect(await endLease.run(id, 0, NOW)).toBe(true);
    await expect(lease(50n, 1n, id)).rejects.toMatchObject({ code: 'LEASE_ENDED' });
    expect(await balance()).toEqual(before);
    // However they meet, nothing stays on lease that nobody would give back.
    for (let round = 0; round < 10; round += 1) {
      const one = newId();
      await Promise.allSettled([lease(50n, 1n, one), endLease.run(one, 0, NOW)]);
      await endLease.run(one, 0, NOW);
    }
    expect(await balance()).toEqual(before);
  });

  it('forgets leases long after their end, and none that is open', async () => {
    const [ended, open] = [await leaseOf(10n), await leaseOf(10n)];
    await endLease.run(ended, 0, NOW);
    const week = 7 * 24 * 3_600_000;
    const kept = async () => {
      const rows = await database.query<{ id: string }>('SELECT id FROM lease WHERE id IN ($1, $2)', [
        ended,
        open,
      ]);
      return rows.map(({ id }) => id).toSorted();
    };
    await endLease.forget(later(week));
    expect(await kept()).toEqual([ended, open].toSorted());
    await endLease.forget(later(USE_MS + week + 1));
    expect(await kept()).toEqual([open]);
    // What is told of it later is harmless, and what it paid is paid from the balance.
    expect(await endLease.run(ended, 1, NOW)).toBe(true);
    await serve(answer(ended, 5));
    expect(await balance()).toEqual({ availableWei: 985n, heldWei: 10n });
    await expectBooksToBalance();
  });

  it('tells money that is not there from money that may come back', async () => {
    await expect(lease(1_001n, 1_001n)).rejects.toMatchObject({
      code: 'INSUFFICIENT_BALANCE',
      details: { neededWei: '1001', availableWei: '1000' },
    });
    const first = await leaseOf(900n);
    expect(await lease(200n, 200n)).toEqual({ kind: 'set-aside', retryAfterMs: 1_000 });
    await expect(lease(1_001n, 1_001n)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    await endLease.run(first, 0, NOW);
    expect(await lease(200n, 200n)).toMatchObject({ kind: 'granted', grantedWei: 200n });
  });

  it('tells a hold that the money is only on lease', async () => {
    const holdBalance = new HoldBalance(store, USE_MS);
    const hold = (completionTokensMax: number) =>
      holdBalance.run(
        { requestId: newId(), organisationId, modelId: model.id, promptTokens: 0, completionTokensMax },
        NOW,
      );
    const id = await leaseOf(900n);
    await expect(hold(200)).rejects.toMatchObject({ kind: 'exhausted', code: 'FUNDS_LEASED' });
    await expect(hold(1_001)).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
    expect(await hold(100)).toMatchObject({ heldWei: 100n });
    await endLease.run(id, 0, NOW);
    expect(await hold(200)).toMatchObject({ heldWei: 200n });
  });

  it('cannot lend more than there is, however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => lease(150n, 150n)));
    expect(answers.filter(({ kind }) => kind === 'granted')).toHaveLength(6);
    expect(await balance()).toEqual({ availableWei: 100n, heldWei: 900n });
  });

  it('charges answers to the lease, each once, and gives back what they left', async () => {
    const id = await leaseOf(100n);
    const answers = [answer(id, 30), answer(id, 12)];
    for (const one of [...answers, ...answers]) await serve(one);
    expect(await balance()).toEqual({ availableWei: 900n, heldWei: 58n });
    expect(await endLease.run(id, 2, NOW)).toBe(true);
    expect(await endLease.run(id, 2, NOW)).toBe(true);
    expect(await balance()).toEqual({ availableWei: 958n, heldWei: 0n });
    await expectBooksToBalance();
  });

  it('keeps a returned lease until the receipts it counted have come', async () => {
    const id = await leaseOf(100n);
    const early = answer(id, 10);
    const late = answer(id, 20);
    await serve(early);
    expect(await endLease.run(id, 2, NOW)).toBe(false);
    expect(await endLease.run(id, 1, NOW)).toBe(false);
    // What is still in the lease cannot be lent again meanwhile.
    expect(await lease(950n, 950n)).toMatchObject({ kind: 'set-aside' });
    await serve(late);
    expect(await charged(late)).toBe(20n);
    expect(await balance()).toEqual({ availableWei: 970n, heldWei: 0n });
  });

  it('waits for an answer whose model is not known yet', async () => {
    const id = await leaseOf(100n);
    const unknown = answer(id, 20, { modelId: newId() });
    await serve(unknown);
    expect(await endLease.run(id, 1, NOW)).toBe(false);
    await usage.modelDeployed(newId(), { ...model, id: unknown.modelId }, NOW);
    expect(await balance()).toEqual({ availableWei: 980n, heldWei: 0n });
  });

  it('charges an answer that comes after the end to the balance, as far as that goes', async () => {
    const id = await leaseOf(100n);
    await endLease.abandon(later(USE_MS + ABANDON_MS - 1));
    expect(await balance()).toEqual({ availableWei: 900n, heldWei: 100n });
    await endLease.abandon(later(USE_MS + ABANDON_MS));
    expect(await balance()).toEqual({ availableWei: 1_000n, heldWei: 0n });
    const first = answer(id, 990);
    const second = answer(id, 50);
    await serve(first);
    await serve(second);
    expect([await charged(first), await charged(second)]).toEqual([990n, 10n]);
    expect(await balance()).toEqual({ availableWei: 0n, heldWei: 0n });
    await expectBooksToBalance();
  });

  it('goes by its own clock alone, however far that of a gateway is off', async () => {
    const day = 86_400_000;
    for (const skewMs of [-day, day]) {
      const id = await leaseOf(100n);
      await serve(answer(id, 10, { servedAt: later(skewMs) }));
      expect(await endLease.run(id, 1, NOW)).toBe(true);
    }
    // Asked again long after its use, it tells a time that is over and not a negative one.
    const id = newId();
    await lease(50n, 1n, id);
    expect(await lease(50n, 1n, id, later(day))).toMatchObject({ useForMs: 0 });
    await endLease.run(id, 0, NOW);
    expect(await balance()).toEqual({ availableWei: 980n, heldWei: 0n });
  });

  it('never charges the lease of another organisation', async () => {
    const id = await leaseOf(500n);
    const lender = organisationId;
    organisationId = newId();
    await deposit(40n);
    await serve(answer(id, 30));
    expect(await balance()).toEqual({ availableWei: 10n, heldWei: 0n });
    expect(await queries.balance(lender)).toEqual({ availableWei: 500n, heldWei: 500n });
  });

  it('charges by its own price, and shows where the gateway told another', async () => {
    const id = await leaseOf(100n);
    const changing = { ...model, id: newId(), deployedAt: later(-1) };
    await usage.modelDeployed(newId(), changing, NOW);
    const doubled = { ...model.price, completionWeiPerMillion: 2_000_000n };
    await usage.modelDeployed(newId(), { ...changing, price: doubled, deployedAt: NOW }, NOW);

    const promisedBefore = answer(id, 10, { modelId: changing.id });
    const miscounted = answer(id, 10, { modelId: changing.id, told: told(9) });
    const invented = answer(id, 10, {
      modelId: changing.id,
      told: { promptWeiPerMillion: 'x', completionWeiPerMillion: '', feeWei: '0' },
    });
    const untold: ServedRequest = answer(id, 10);
    const { told: _, ...silent } = untold;
    for (const one of [promisedBefore, miscounted, invented, silent]) await serve(one);

    expect(await charged(promisedBefore)).toBe(10n);
    expect(await charged(miscounted)).toBe(10n);
    expect(await charged(invented)).toBe(20n);
    expect(await charged(silent)).toBe(10n);
    const shown = (await queries.discrepancies(100)).map(({ requestId, toldFeeWei, ownFeeWei }) => ({
      requestId,
      toldFeeWei,
      ownFeeWei,
    }));
    expect(shown).toHaveLength(2);
    expect(shown).toEqual(
      expect.arrayContaining([
        { requestId: miscounted.id, toldFeeWei: '9', ownFeeWei: 10n },
        { requestId: invented.id, toldFeeWei: '0', ownFeeWei: 20n },
      ]),
    );
  });

  it('takes from the balance what a dearer price leaves open in the lease', async () => {
    const id = await leaseOf(15n);
    const dear = answer(id, 20, { told: told(15) });
    await serve(dear);
    expect(await charged(dear)).toBe(20n);
    expect(await balance()).toEqual({ availableWei: 980n, heldWei: 0n });
    expect(await endLease.run(id, 1, NOW)).toBe(true);
    expect(await balance()).toEqual({ availableWei: 980n, heldWei: 0n });
  });

  it('loses and invents nothing, whatever comes in whatever order', async () => {
    const step = fc.record({
      kind: fc.constantFrom('lease', 'serve', 'repeat', 'return', 'abandon'),
      pick: fc.nat(20),
      amount: fc.integer({ min: 1, max: 400 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        organisationId = newId();
        await deposit(1_000n);
        const leases: { id: string; receipts: number }[] = [];
        const served: ServedRequest[] = [];
        for (const { kind, pick, amount } of steps) {
          const one = leases[pick % Math.max(leases.length, 1)];
          const again = served[pick % Math.max(served.length, 1)];
          if (kind === 'lease') {
            const id = newId();
            const asked = await lease(BigInt(amount), BigInt(amount), id).catch(refusalOf);
            if (asked === 'INSUFFICIENT_BALANCE') expect((await balance()).availableWei < amount).toBe(true);
            else if (asked.kind === 'granted') leases.push({ id, receipts: 0 });
          } else if (kind === 'serve' && one) {
            const request = answer(one.id, amount);
            one.receipts += 1;
            served.push(request);
            await serve(request);
          } else if (kind === 'repeat' && again) await serve(again);
          else if (kind === 'return' && one) await endLease.run(one.id, one.receipts, NOW);
          else if (kind === 'abandon') await endLease.abandon(later(USE_MS + ABANDON_MS));
          await expectNothingLost(served);
        }
        for (const { id, receipts } of leases) await endLease.run(id, receipts, NOW);
        expect((await balance()).heldWei).toBe(0n);
        await expectNothingLost(served);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  async function expectNothingLost(served: readonly ServedRequest[]): Promise<void> {
    const { availableWei, heldWei } = await balance();
    let feesWei = 0n;
    for (const request of served) feesWei += (await charged(request)) ?? 0n;
    expect(availableWei + heldWei + feesWei).toBe(1_000n);
    expect(availableWei >= 0n && heldWei >= 0n).toBe(true);
  }
});
