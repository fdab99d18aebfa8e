import type { Price } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { Hold, Metering, Party, Payee, PricedModel } from '../../application/metering/metering-ports.js';
import type { FeeDiscrepancy } from '../../application/prepaid/lease-ports.js';
import { priceOf as heldPriceOf, type PriceColumns } from '../billing/postgres-billing-prices.js';

interface PriceRow {
  readonly prompt_wei_per_million: string;
  readonly completion_wei_per_million: string;
}

interface ModelRow extends PriceRow {
  readonly id: string;
  readonly name: string;
  readonly developer_organisation_id: string;
  readonly base_digest: string;
  readonly datanet_ids: string[];
  readonly deployed_at: Date;
}

interface HoldRow extends PriceColumns {
  readonly request_id: string;
  readonly organisation_id: string;
  readonly model_id: string;
  readonly prompt_tokens: number;
  readonly completion_tokens_max: number;
  readonly held: string;
  readonly expires_at: Date;
  readonly state: Hold['state'];
}

/** Copies of models, payees and parties; holds. */
export class PostgresMetering implements Metering {
  constructor(private readonly tx: Transaction) {}

  async saveModel(model: PricedModel): Promise<void> {
    await this.tx.query(
      `INSERT INTO model (id, name, developer_organisation_id, base_digest, prompt_wei_per_million,
         completion_wei_per_million, deployed_at, datanet_ids)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, base_digest = excluded.base_digest,
         developer_organisation_id = excluded.developer_organisation_id,
         prompt_wei_per_million = excluded.prompt_wei_per_million,
         completion_wei_per_million = excluded.completion_wei_per_million, deployed_at = excluded.deployed_at,
         datanet_ids = excluded.datanet_ids
       WHERE excluded.deployed_at >= model.deployed_at`,
      [
        model.id,
        model.name,
        model.developerOrganisationId,
        model.baseDigest,
        model.price.promptWeiPerMillion.toString(),
        model.price.completionWeiPerMillion.toString(),
        model.deployedAt,
        [...(model.datanetIds ?? [])],
      ],
    );
  }

  async model(id: string): Promise<PricedModel | undefined> {
    return (await this.models([id])).get(id);
  }

  async models(ids: readonly string[]): Promise<ReadonlyMap<string, PricedModel>> {
    const rows = await this.tx.query<ModelRow>('SELECT * FROM model WHERE id = ANY($1::text[])', [[...ids]]);
    return new Map(rows.map((row) => [row.id, toModel(row)]));
  }

  async lockModel(id: string): Promise<void> {
    await this.tx.query('SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))', ['settlement.model', id]);
  }

  async savePayee(payee: Payee): Promise<void> {
    await this.tx.query(
      `INSERT INTO payee (id, name, wallet) VALUES ($1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, wallet = excluded.wallet`,
      [payee.id, payee.name, payee.wallet.toLowerCase()],
    );
  }

  async saveParty(party: Party): Promise<void> {
    // Members that left, and parties that were absorbed, unless something newer was said about them.
    await this.tx.query(
      `DELETE FROM party_member
       WHERE party_id = ANY($1::text[]) AND contributor_id <> ALL($2::text[]) AND changed_at <= $3`,
      [[party.id, ...party.absorbedPartyIds], [...party.contributorIds], party.changedAt],
    );
    await this.tx.query(
      `INSERT INTO party_member (contributor_id, party_id, reason, changed_at)
       SELECT contributor_id, $2, $3, $4 FROM unnest($1::text[]) AS given (contributor_id) ORDER BY contributor_id
       ON CONFLICT (contributor_id) DO UPDATE
         SET party_id = excluded.party_id, reason = excluded.reason, changed_at = excluded.changed_at
       WHERE excluded.changed_at >= party_member.changed_at`,
      [[...party.contributorIds], party.id, party.reason, party.changedAt],
    );
  }

  async insertHold(hold: Hold): Promise<boolean> {
    const inserted = await this.tx.query(
      `INSERT INTO hold (request_id, organisation_id, model_id, prompt_tokens, completion_tokens_max, held,
         prompt_wei_per_million, completion_wei_per_million, cached_prompt_wei_per_million, expires_at, state)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING 1`,
      [
        hold.requestId,
        hold.organisationId,
        hold.modelId,
        hold.promptTokens,
        hold.completionTokensMax,
        hold.heldWei.toString(),
        hold.price.promptWeiPerMillion.toString(),
        hold.price.completionWeiPerMillion.toString(),
        hold.price.cachedPromptWeiPerMillion?.toString() ?? null,
        hold.expiresAt,
        hold.state,
      ],
    );
    return inserted.length > 0;
  }

  async hold(requestId: string): Promise<Hold | undefined> {
    const sql = 'SELECT * FROM hold WHERE request_id = $1 FOR UPDATE';
    const [row] = await this.tx.query<HoldRow>(sql, [requestId]);
    return row && toHold(row);
  }

  async holds(requestIds: readonly string[]): Promise<ReadonlyMap<string, Hold>> {
    const rows = await this.tx.query<HoldRow>(
      'SELECT * FROM hold WHERE request_id = ANY($1::text[]) ORDER BY request_id FOR UPDATE',
      [[...requestIds]],
    );
    return new Map(rows.map((row) => [row.request_id, toHold(row)]));
  }

  async endHolds(requestIds: readonly string[], state: 'posted' | 'released' | 'expired'): Promise<void> {
    if (requestIds.length === 0) return;
    await this.tx.query('UPDATE hold SET state = $2 WHERE request_id = ANY($1::text[])', [
      [...requestIds],
      state,
    ]);
  }

  async expiredHolds(now: Date, limit: number): Promise<Hold[]> {
    const rows = await this.tx.query<HoldRow>(
      `SELECT * FROM hold WHERE state = 'held' AND expires_at <= $1 ORDER BY expires_at LIMIT $2
       FOR UPDATE SKIP LOCKED`,
      [now, limit],
    );
    return rows.map(toHold);
  }

  async saveDiscrepancies(found: readonly FeeDiscrepancy[]): Promise<void> {
    if (found.length === 0) return;
    await this.tx.query(
      `INSERT INTO fee_discrepancy (request_id, told_fee, told_prompt_wei_per_million,
         told_completion_wei_per_million, own_fee, seen_at)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::timestamptz[])
       ON CONFLICT DO NOTHING`,
      [
        found.map(({ requestId }) => requestId),
        found.map(({ toldFeeWei }) => toldFeeWei),
        found.map(({ toldPromptWeiPerMillion }) => toldPromptWeiPerMillion),
        found.map(({ toldCompletionWeiPerMillion }) => toldCompletionWeiPerMillion),
        found.map(({ ownFeeWei }) => ownFeeWei.toString()),
        found.map(({ seenAt }) => seenAt),
      ],
    );
  }
}

const toModel = (row: ModelRow): PricedModel => ({
  id: row.id,
  name: row.name,
  developerOrganisationId: row.developer_organisation_id,
  baseDigest: row.base_digest,
  datanetIds: row.datanet_ids,
  price: priceOf(row),
  deployedAt: row.deployed_at,
});

const priceOf = (row: PriceRow): Price => ({
  promptWeiPerMillion: BigInt(row.prompt_wei_per_million),
  completionWeiPerMillion: BigInt(row.completion_wei_per_million),
});

const toHold = (row: HoldRow): Hold => ({
  requestId: row.request_id,
  organisationId: row.organisation_id,
  modelId: row.model_id,
  promptTokens: row.prompt_tokens,
  completionTokensMax: row.completion_tokens_max,
  heldWei: BigInt(row.held),
  price: heldPriceOf(row),
  expiresAt: row.expires_at,
  state: row.state,
});
