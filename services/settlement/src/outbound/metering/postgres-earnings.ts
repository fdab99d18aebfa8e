import { isId } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import {
  type AnswerEarning,
  EarningsQueries,
  type EarningTransfer,
  type ModelEarning,
} from '../../application/metering/earnings-queries.js';
import { PAYABLE_ROLES } from '../../domain/ledger/accounts.js';

interface TransferRow {
  readonly id: string;
  readonly account: string;
  readonly amount: string;
  readonly reference: string;
  readonly recorded_at: Date;
  readonly position: string;
}

interface AnswerEarningRow {
  readonly request_id: string;
  readonly model_id: string;
  readonly role: string;
  readonly amount: string;
  readonly credited_at: Date;
}

/** Of each of the payee's accounts the newest are enough to find the newest of all. */
const TRANSFERS = `
  SELECT split.id, account.id AS account, split.amount, split.reference, split.recorded_at, split.position
  FROM account CROSS JOIN LATERAL (
    SELECT * FROM transfer
    WHERE credit = account.key AND reason = 'split' AND refusal IS NULL AND position < $2
    ORDER BY position DESC LIMIT $3
  ) AS split
  WHERE account.id = ANY($1::text[]) ORDER BY split.position DESC LIMIT $3`;

/** Transfers from before there were batches name the one answer that they belong to. */
const PARTS = `
  SELECT request.id AS request_id, request.model_id, part.role, part.amount, request.credited_at
  FROM request CROSS JOIN LATERAL unnest(part_roles, part_payees, part_amounts) AS part (role, payee, amount)
  WHERE (credit_batch = ANY($1::uuid[]) OR id = ANY($2::text[])) AND part.payee = $3 AND part.amount > 0`;

const FIRST_PAGE = 2n ** 63n - 1n;

/** Transfers out of clearing, and the rows of the answers behind them. */
export class PostgresEarnings extends EarningsQueries {
  constructor(private readonly database: Database) {
    super();
  }

  async byModel(payeeId: string): Promise<ModelEarning[]> {
    const rows = await this.database.query<{
      model_id: string;
      name: string | null;
      datanet_ids: string[] | null;
      role: string;
      answers: string;
      amount: string;
    }>(
      `SELECT earned.*, model.name, model.datanet_ids FROM (
         SELECT model_id, role, sum(answers) AS answers, sum(amount) AS amount
         FROM earning_month WHERE payee_id = $1 GROUP BY model_id, role
       ) AS earned LEFT JOIN model ON model.id = earned.model_id ORDER BY amount DESC, model_id, role`,
      [payeeId],
    );
    return rows.map((row) => ({
      modelId: row.model_id,
      ...(row.name === null ? {} : { modelName: row.name }),
      datanetIds: row.datanet_ids ?? [],
      role: row.role,
      answers: Number(row.answers),
      amountWei: BigInt(row.amount),
    }));
  }

  async transfers(payeeId: string, before: bigint | undefined, limit: number): Promise<EarningTransfer[]> {
    const rows = await this.transferRows(payeeId, before, limit);
    return rows.map((row) => ({
      transferId: row.id,
      role: roleOf(row),
      amountWei: BigInt(row.amount),
      recordedAt: row.recorded_at,
      position: BigInt(row.position),
    }));
  }

  async answers(
    payeeId: string,
    transferId: string,
    { after, limit }: { readonly after: string; readonly limit: number },
  ): Promise<AnswerEarning[] | undefined> {
    const [transfer] = await this.database.query<TransferRow>(
      `SELECT transfer.*, account.id AS account FROM transfer JOIN account ON account.key = transfer.credit
       WHERE transfer.id = $1 AND reason = 'split' AND refusal IS NULL AND account.id = ANY($2::text[])`,
      [transferId, accountsOf(payeeId)],
    );
    if (!transfer) return undefined;
    const rows = await this.database.query<AnswerEarningRow>(
      `${PARTS} AND part.role = $4 AND request.id > $5 ORDER BY request.id LIMIT $6`,
      [...batchesOf([transfer]), payeeId, roleOf(transfer), after, limit],
    );
    return rows.map(toAnswerEarning);
  }

  async recent(payeeId: string, limit: number): Promise<AnswerEarning[]> {
    const transfers = await this.transferRows(payeeId, undefined, limit);
    if (transfers.length === 0) return [];
    const rows = await this.database.query<AnswerEarningRow>(
      `${PARTS} ORDER BY credited_at DESC, request.id LIMIT $4`,
      [...batchesOf(transfers), payeeId, limit],
    );
    return rows.map(toAnswerEarning);
  }

  private transferRows(payeeId: string, before: bigint | undefined, limit: number): Promise<TransferRow[]> {
    const parameters = [accountsOf(payeeId), (before ?? FIRST_PAGE).toString(), limit];
    return this.database.query<TransferRow>(TRANSFERS, parameters);
  }
}

const accountsOf = (payeeId: string): string[] => PAYABLE_ROLES.map((role) => `${role}:${payeeId}`);

const roleOf = ({ account }: TransferRow): string => account.slice(0, account.indexOf(':'));

const batchesOf = (transfers: readonly TransferRow[]): [string[], string[]] => {
  const references = [...new Set(transfers.map(({ reference }) => reference))];
  return [references.filter(isId), references];
};

const toAnswerEarning = (row: AnswerEarningRow): AnswerEarning => ({
  requestId: row.request_id,
  modelId: row.model_id,
  role: row.role,
  amountWei: BigInt(row.amount),
  creditedAt: row.credited_at,
});
