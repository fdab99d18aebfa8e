import { DomainError, newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import fc from 'fast-check';
import { FreeTiers, grantFreeTier } from '../src/application/billing/grant-free-tier.js';
import { RefundAnswer } from '../src/application/billing/refund-answer.js';
import { SetBudget } from '../src/application/billing/set-budget.js';
import { TellBudgets } from '../src/application/billing/tell-budgets.js';
import type { PricedModel } from '../src/application/metering/metering-ports.js';
import { RecordUsage } from '../src/application/metering/record-usage.js';
import { EndLease } from '../src/application/prepaid/end-lease.js';
import { LeaseBalance } from '../src/application/prepaid/lease-balance.js';
import { monthOf } from '../src/domain/billing/month.js';
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
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

const RUNS = 25;
const DAY_MS = 86_400_000;
const START = new Date('2026-11-15T12:00:00Z');
const OWN_WEI = 1_000n;
const SPONSOR_WEI = 100_000n;
const GRANT_WEI = 150n;
const BUDGET_WEI = 400n;

/** One wei a token. */
const model: PricedModel = {
  id: 'model-1',
  name: 'seedling-health',
  developerOrganisationId: 'dev-org',
  baseDigest: 'base',
  price: { promptWeiPerMillion: 0n, completionWeiPerMillion: 1_000_000n },
  deployedAt: new Date('2026-01-01T00:00:00Z'),
};

const REFUSALS = new Set(['INSUFFICIENT_BALANCE', 'BUDGET_EXCEEDED', 'REFUND_EXCEEDS_FEE']);

/** A refusal is an answer like others; anything else is not. */
function refused(error: unknown): undefined {
  if (error instanceof DomainError && REFUSALS.has(error.code)) return undefined;
  throw error;
}

interface GrantRow {
  readonly month: string;
  readonly amount: string;
  readonly spent_before: string;
  readonly returned: string | null;
}

describe('a payer with a sponsor and a budget', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  let usage: RecordUsage;

  beforeAll(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    usage = new RecordUsage(store, { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map() });
    await usage.modelDeployed(newId(), model, START);
    await move(CHAIN_VAULT, PLATFORM, 10n ** 9n);
  });
  afterAll(() => database.close());

  const move = (debit: Account, credit: Account, amountWei: bigint) =>
    store.transaction((tx) =>
      tx.ledger.post([single({ debit, credit, amountWei, reason: 'deposit', reference: newId() })]),
    );
  const wei = (account: Account) =>
    store.transaction(async (tx) => availableOf(await tx.ledger.lock(account)));

  /** What the payer has done so far, by rules of its own. */
  class Life {
    readonly organisationId = newId();
    readonly sponsorName = `s-${this.organisationId.slice(-12)}`;
    now = START;
    spentWei = 0n;
    refundedWei = 0n;
    private readonly leases: { id: string; leftWei: bigint; receipts: number }[] = [];
    private readonly answers: string[] = [];
    private readonly leaseBalance = new LeaseBalance(store, {
      useForMs: 60_000,
      abandonAfterMs: 10 * 366 * DAY_MS,
    });
    private readonly endLease = new EndLease(store);
    private readonly refundAnswer = new RefundAnswer(store);
    private readonly tellBudgets = new TellBudgets(store);

    async begin(): Promise<void> {
      const { organisationId, sponsorName } = this;
      await move(CHAIN_VAULT, payer(organisationId), OWN_WEI);
      await move(CHAIN_VAULT, sponsor(sponsorName), SPONSOR_WEI);
      await new FreeTiers(store).set({ organisationId, sponsor: sponsorName, monthlyWei: GRANT_WEI }, START);
      await new SetBudget(store).set(
        { organisationId, monthlyWei: BUDGET_WEI, alertPercents: [50, 100] },
        START,
      );
    }

    async lease(amount: number): Promise<void> {
      const { organisationId, now } = this;
      const asked = {
        leaseId: newId(),
        organisationId,
        wantedWei: BigInt(amount) * 2n,
        minimumWei: BigInt(amount),
      };
      const answer = await this.leaseBalance.run(asked, now).catch(refused);
      if (answer?.kind !== 'granted') return;
      this.leases.push({ id: asked.leaseId, leftWei: answer.grantedWei, receipts: 0 });
      const spentWei = await store.transaction((tx) => tx.budgets.spent(organisationId, monthOf(now)));
      expect(spentWei + (await wei(leased(organisationId))) <= BUDGET_WEI).toBe(true);
    }

    async serve(pick: number, amount: number): Promise<void> {
      const lease = this.leases[pick % Math.max(1, this.leases.length)];
      if (!lease) return;
      const tokens = Math.min(amount, Number(lease.leftWei));
      const id = newId();
      lease.leftWei -= BigInt(tokens);
      lease.receipts += 1;
      this.spentWei += BigInt(tokens);
      this.answers.push(id);
      const { organisationId, now } = this;
      const answer = { id, organisationId, modelId: model.id, holdId: lease.id, servedAt: now };
      await usage.served(newId(), { ...answer, usage: { promptTokens: 0, completionTokens: tokens } }, now);
    }

    async giveBack(pick: number): Promise<void> {
      const [lease] = this.leases.splice(pick % Math.max(1, this.leases.length), 1);
      if (lease) expect(await this.endLease.run(lease.id, lease.receipts, this.now)).toBe(true);
    }

    async refund(pick: number, amount: number): Promise<void> {
      const requestId = this.answers[pick % Math.max(1, this.answers.length)];
      if (requestId === undefined) return;
      const asked = {
        id: newId(),
        requestId,
        amountWei: BigInt(amount),
        reason: 'goodwill' as const,
        note: '',
      };
      const note = await this.refundAnswer.run(asked, 'operator', this.now).catch(refused);
      this.refundedWei += note?.amountWei ?? 0n;
    }

    async look(): Promise<void> {
      await store.transaction((tx) => grantFreeTier(tx, this.organisationId, this.now));
      await this.tellBudgets.run(this.now);
    }

    /** Nothing is lost or invented, and the sponsor never had anything of the payer's own. */
    async check(): Promise<void> {
      const { organisationId } = this;
      const sponsorWei = await wei(sponsor(this.sponsorName));
      const thereWei = (await wei(payer(organisationId))) + (await wei(leased(organisationId)));
      expect(thereWei + sponsorWei + this.spentWei - this.refundedWei).toBe(OWN_WEI + SPONSOR_WEI);
      const grants = await database.query<GrantRow>(
        'SELECT * FROM free_grant WHERE organisation_id = $1 ORDER BY granted_at, month',
        [organisationId],
      );
      const keptWei = grants.reduce((sum, one) => sum + BigInt(one.amount) - BigInt(one.returned ?? 0), 0n);
      expect(sponsorWei).toBe(SPONSOR_WEI - keptWei);
      expect(grants.filter(({ returned }) => returned === null).length).toBeLessThanOrEqual(1);
      for (const [at, grant] of grants.entries()) {
        // What was spent until the next grant came, at whose time at the latest this one was closed.
        const until = BigInt(grants[at + 1]?.spent_before ?? this.spentWei);
        const usedWei = until - BigInt(grant.spent_before);
        const restWei = BigInt(grant.amount) - usedWei;
        expect(BigInt(grant.returned ?? 0) <= (restWei > 0n ? restWei : 0n)).toBe(true);
      }
      const [alerts] = await database.query<{ told: number; different: number }>(
        `SELECT count(*)::int AS told, count(DISTINCT id)::int AS different FROM outbox
         WHERE topic = 'settlement.budget-alert.v1' AND key = $1`,
        [organisationId],
      );
      expect(alerts?.told).toBe(alerts?.different);
    }
  }

  it('keeps own money, never gets a grant twice and stays within the budget, whatever the clock does', async () => {
    const step = fc.record({
      kind: fc.constantFrom('lease', 'lease', 'serve', 'serve', 'giveBack', 'refund', 'look', 'jump'),
      pick: fc.nat(20),
      amount: fc.integer({ min: 1, max: 250 }),
      days: fc.integer({ min: -25, max: 45 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
        const life = new Life();
        await life.begin();
        for (const { kind, pick, amount, days } of steps) {
          if (kind === 'lease') await life.lease(amount);
          else if (kind === 'serve') await life.serve(pick, amount);
          else if (kind === 'giveBack') await life.giveBack(pick);
          else if (kind === 'refund') await life.refund(pick, amount);
          else if (kind === 'look') await life.look();
          else life.now = new Date(life.now.getTime() + days * DAY_MS);
          await life.check();
        }
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
