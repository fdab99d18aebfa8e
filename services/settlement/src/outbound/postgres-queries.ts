import type { Price } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import type { Epoch, PayoutContracts } from '../application/epochs/epoch-ports.js';
import type { FeeDiscrepancy } from '../application/prepaid/lease-ports.js';
import {
  type Balance,
  type Earnings,
  type Receipt,
  SettlementQueries,
  type StuckTransaction,
  type TrialBalance,
  type WalletClaim,
} from '../application/queries.js';
import {
  CLEARING,
  leased,
  PAYABLE_ROLES,
  payer,
  wallet as walletAccount,
} from '../domain/ledger/accounts.js';
import { type EpochRow, toEpoch } from './epochs/epoch-row.js';
import { PostgresClaims } from './epochs/postgres-claims.js';
import { PostgresEpochRecords } from './epochs/postgres-epoch-records.js';
import { type AnswerRow, partsOf } from './metering/answer-row.js';

const STUCK_MAX = 50;

type ReceiptRow = Omit<AnswerRow, 'organisation_id' | 'model_id' | 'served_at'> & {
  readonly organisation_id: string;
  readonly model_id: string;
  readonly served_at: Date;
};

interface DiscrepancyRow {
  readonly request_id: string;
  readonly told_fee: string;
  readonly told_prompt_wei_per_million: string;
  readonly told_completion_wei_per_million: string;
  readonly own_fee: string;
  readonly seen_at: Date;
}

/** Reads of settlement's schema. */
export class PostgresQueries extends SettlementQueries {
  private readonly claims: PostgresClaims;

  constructor(
    private readonly database: Database,
    contracts: PayoutContracts,
  ) {
    super();
    this.claims = new PostgresClaims(database, new PostgresEpochRecords(database), contracts);
  }

  async price(modelId: string): Promise<Price | undefined> {
    const [row] = await this.database.query<{ prompt: string; completion: string }>(
      `SELECT prompt_wei_per_million AS prompt, completion_wei_per_million AS completion FROM model WHERE id = $1`,
      [modelId],
    );
    return (
      row && { promptWeiPerMillion: BigInt(row.prompt), completionWeiPerMillion: BigInt(row.completion) }
    );
  }

  async discrepancies(limit: number): Promise<FeeDiscrepancy[]> {
    const rows = await this.database.query<DiscrepancyRow>(
      'SELECT * FROM fee_discrepancy ORDER BY seen_at DESC, request_id LIMIT $1',
      [limit],
    );
    return rows.map((row) => ({
      requestId: row.request_id,
      toldFeeWei: row.told_fee,
      toldPromptWeiPerMillion: row.told_prompt_wei_per_million,
      toldCompletionWeiPerMillion: row.told_completion_wei_per_million,
      ownFeeWei: BigInt(row.own_fee),
      seenAt: row.seen_at,
    }));
  }

  async balance(organisationId: string): Promise<Balance> {
    // A liability account stands at its credits less its debits; what is on lease has an account of its own.
    const [row] = await this.database.query<{ available: string | null; held: string | null }>(
      `SELECT sum(credits_posted - debits_posted - debits_pending) FILTER (WHERE id = $1) AS available,
         sum(CASE id WHEN $1 THEN debits_pending ELSE credits_posted - debits_posted END) AS held
       FROM account WHERE id IN ($1, $2)`,
      [payer(organisationId).id, leased(organisationId).id],
    );
    return { availableWei: BigInt(row?.available ?? 0), heldWei: BigInt(row?.held ?? 0) };
  }

  async receipt(requestId: string): Promise<Receipt | undefined> {
    const [row] = await this.database.query<ReceiptRow>(
      'SELECT * FROM request WHERE id = $1 AND served_at IS NOT NULL',
      [requestId],
    );
    if (!row) return undefined;
    return toReceipt(row);
  }

  async earnings(payeeId: string): Promise<Earnings> {
    const [payee] = await this.database.query<{ wallet: string | null; party_id: string | null }>(
      `SELECT (SELECT wallet FROM payee WHERE id = $1) AS wallet,
         (SELECT party_id FROM party_member WHERE contributor_id = $1) AS party_id`,
      [payeeId],
    );
    const wallet = payee?.wallet ?? undefined;
    const accrued = await this.standing(PAYABLE_ROLES.map((role) => `${role}:${payeeId}`));
    const promised = wallet === undefined ? { promisedWei: 0n, paidWei: 0n } : await this.promisedTo(wallet);
    return {
      payeeId,
      ...(payee?.party_id ? { partyId: payee.party_id } : {}),
      ...(wallet === undefined ? {} : { wallet }),
      earnedWei: accrued.credits,
      accruedWei: accrued.credits - accrued.debits,
      ...promised,
    };
  }

  async epochs(before: number, limit: number): Promise<Epoch[]> {
    const rows = await this.database.query<EpochRow>(
      'SELECT * FROM epoch WHERE epoch < $1 ORDER BY epoch DESC LIMIT $2',
      [before, limit],
    );
    return rows.map(toEpoch);
  }

  async claim(wallet: string): Promise<WalletClaim | undefined> {
    const { paidWei } = await this.promisedTo(wallet);
    return this.claims.of(wallet, paidWei);
  }

  async stuck(): Promise<StuckTransaction[]> {
    return this.database.query<{ purpose: string; state: string; error: string }>(
      'SELECT purpose, state, error FROM chain_tx WHERE error IS NOT NULL ORDER BY position LIMIT $1',
      [STUCK_MAX],
    );
  }

  async trialBalance(): Promise<TrialBalance> {
    const [row] = await this.database.query<Record<'dpo' | 'cpo' | 'dp' | 'cp', string | null>>(
      `SELECT sum(debits_posted) AS dpo, sum(credits_posted) AS cpo, sum(debits_pending) AS dp,
         sum(credits_pending) AS cp FROM account`,
    );
    const clearing = await this.standing([CLEARING.id]);
    return {
      debitsWei: BigInt(row?.dpo ?? 0),
      creditsWei: BigInt(row?.cpo ?? 0),
      pendingDebitsWei: BigInt(row?.dp ?? 0),
      pendingCreditsWei: BigInt(row?.cp ?? 0),
      clearingWei: clearing.credits - clearing.debits,
    };
  }

  private async standing(accountIds: readonly string[]): Promise<{ debits: bigint; credits: bigint }> {
    const [row] = await this.database.query<{ debits: string | null; credits: string | null }>(
      'SELECT sum(debits_posted) AS debits, sum(credits_posted) AS credits FROM account WHERE id = ANY($1::text[])',
      [[...accountIds]],
    );
    return { debits: BigInt(row?.debits ?? 0), credits: BigInt(row?.credits ?? 0) };
  }

  /** The newest leaf, and how much of it left the wallet's account; right also where a reorg undid a claim. */
  private async promisedTo(wallet: string): Promise<{ promisedWei: bigint; paidWei: bigint }> {
    const [leaf] = await this.database.query<{ total: string }>(
      `SELECT total FROM epoch_leaf
       WHERE wallet = $1 AND epoch = (SELECT max(epoch) FROM epoch WHERE state <> 'disabled')`,
      [wallet.toLowerCase()],
    );
    const { debits, credits } = await this.standing([walletAccount(wallet).id]);
    const promisedWei = BigInt(leaf?.total ?? 0);
    return { promisedWei, paidWei: promisedWei - (credits - debits) };
  }
}

const toReceipt = (row: ReceiptRow): Receipt => ({
  requestId: row.id,
  organisationId: row.organisation_id,
  modelId: row.model_id,
  promptTokens: row.prompt_tokens ?? 0,
  ...(row.cached_tokens === null ? {} : { cachedTokens: row.cached_tokens }),
  completionTokens: row.completion_tokens ?? 0,
  servedAt: row.served_at,
  ...(row.priced === null ? {} : { pricedWei: BigInt(row.priced) }),
  ...(row.fee === null ? {} : { feeWei: BigInt(row.fee) }),
  ...(row.credited_at === null ? {} : { creditedAt: row.credited_at }),
  parts: partsOf(row),
});
