import { newId, PPB } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import type {
  PricedModel,
  ScoredRequest,
  ServedRequest,
} from '../src/application/metering/metering-ports.js';
import { RecordUsage, type ScoredEvent, type ServedEvent } from '../src/application/metering/record-usage.js';
import { CHAIN_VAULT, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresEarnings } from '../src/outbound/metering/postgres-earnings.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

export const NOW = new Date('2026-11-20T12:00:00Z');
export const later = (ms: number) => new Date(NOW.getTime() + ms);

/** One wei a prompt token and three a completion token. */
export const modelOf = (id: string): PricedModel => ({
  id,
  name: `name of ${id}`,
  developerOrganisationId: `developer of ${id}`,
  baseDigest: 'base',
  price: { promptWeiPerMillion: 1_000_000n, completionWeiPerMillion: 3_000_000n },
  datanetIds: [`datanet of ${id}`],
  deployedAt: NOW,
});

export function servedOf(fields: Partial<ServedRequest> = {}): ServedRequest {
  return {
    id: newId(),
    organisationId: newId(),
    modelId: 'model',
    usage: { promptTokens: 7, completionTokens: 31 },
    holdId: '',
    servedAt: NOW,
    ...fields,
  };
}

/** Equal shares of nine tenths for these, a twentieth for the base model, the rest for nobody. */
export function scoredBy(...contributorIds: readonly string[]): ScoredRequest {
  const count = BigInt(contributorIds.length);
  const influencePpb = count === 0n ? 0n : (PPB * 9n) / 10n / count;
  const basePpb = count === 0n ? 0n : PPB / count;
  const baseModelPpb = PPB / 20n;
  return {
    attribution: {
      contributors: contributorIds.map((contributorId, i) => ({
        contributorId,
        influencePpb,
        contextPpb: 0n,
        basePpb: i === 0 ? PPB - basePpb * (count - 1n) : basePpb,
      })),
      baseModelPpb,
      reservePpb: PPB - baseModelPpb - influencePpb * count,
      reliabilityPpb: PPB / 3n,
    },
    partyOf: new Map(contributorIds.map((id, i) => [id, i % 2 === 0 ? id : 'a party'])),
  };
}

export const servedEvent = (served: ServedRequest, eventId = newId()): ServedEvent => ({ eventId, served });
export const scoredEvent = (requestId: string, scored: ScoredRequest, eventId = newId()): ScoredEvent => ({
  eventId,
  requestId,
  scored,
});

/** The books of settlement with nothing around them. */
export class Books {
  readonly store: PostgresSettlementStore;
  readonly usage: RecordUsage;
  readonly earnings: PostgresEarnings;

  private constructor(readonly database: Database) {
    this.store = new PostgresSettlementStore(database);
    this.usage = Books.usageOn(this.store);
    this.earnings = new PostgresEarnings(database);
  }

  static async open(): Promise<Books> {
    return new Books(await Database.open({ url: await testDatabase(), schema: 'settlement', migrations }));
  }

  static usageOn(store: PostgresSettlementStore): RecordUsage {
    return new RecordUsage(store, {
      roles: DEFAULT_ROLE_SPLIT,
      baseModelOwners: new Map([['base', 'owner']]),
    });
  }

  close(): Promise<void> {
    return this.database.close();
  }

  deposit(organisationId: string, amountWei: bigint): Promise<void> {
    const deposit = single({
      debit: CHAIN_VAULT,
      credit: payer(organisationId),
      amountWei,
      reason: 'deposit',
      reference: organisationId,
    });
    return this.store.transaction((tx) => tx.ledger.post([deposit]));
  }

  /** Where every account stands. */
  accounts() {
    return this.database.query(
      `SELECT id, debits_pending, debits_posted, credits_pending, credits_posted FROM account
       WHERE debits_posted + credits_posted + debits_pending + credits_pending > 0 ORDER BY id`,
    );
  }

  /** What is known of every answer, but for the batches that it went in. */
  answers() {
    return this.database.query(
      `SELECT id, organisation_id, model_id, prompt_tokens, completion_tokens, served_at, attribution::text, priced, fee,
         credited_at, part_roles, part_payees, part_parties, part_amounts FROM request ORDER BY id`,
    );
  }

  usageByMonth() {
    return this.database.query('SELECT * FROM usage_month ORDER BY organisation_id, month, model_id');
  }

  earningsByMonth() {
    return this.database.query('SELECT * FROM earning_month ORDER BY payee_id, month, model_id, role');
  }

  refusals() {
    return this.database.query(
      'SELECT event_id, request_id, code FROM refused_event ORDER BY request_id, event_id',
    );
  }

  /** I6: clearing holds the fees that are charged and not credited. I1: debits are credits. */
  async expectSound(): Promise<void> {
    const [sums] = await this.database.query(
      `SELECT (SELECT coalesce(sum(credits_posted - debits_posted), 0) FROM account WHERE id = 'clearing:fees')::text
           AS clearing,
         (SELECT coalesce(sum(fee), 0) FROM request WHERE credited_at IS NULL)::text AS uncredited,
         (SELECT sum(debits_posted - credits_posted) FROM account)::text AS posted,
         (SELECT sum(debits_pending - credits_pending) FROM account)::text AS pending,
         (SELECT count(*) FROM request WHERE fee <> (SELECT sum(part) FROM unnest(part_amounts) AS part))::int
           AS torn`,
    );
    expect(sums).toEqual({
      clearing: sums?.uncredited,
      uncredited: sums?.uncredited,
      posted: '0',
      pending: '0',
      torn: 0,
    });
  }
}
