import { newId } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type {
  Case,
  CaseBook,
  CaseResolution,
  Difference,
  FrozenClass,
} from '../../application/reconciliation/case-ports.js';

interface CaseRow {
  readonly id: string;
  readonly freezes: FrozenClass;
  readonly code: string;
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
  readonly block_number: string | null;
  readonly opened_at: Date;
  readonly resolved_at: Date | null;
  readonly resolved_by: string | null;
  readonly reason: string | null;
}

/** Table `chain_case`; rows are resolved and never deleted. */
export class PostgresCases implements CaseBook {
  constructor(private readonly tx: Transaction) {}

  async open(difference: Difference, now: Date): Promise<boolean> {
    const { freezes, code, subject, expected, actual, blockNumber } = difference;
    const opened = await this.tx.query(
      `INSERT INTO chain_case (id, freezes, code, subject, expected, actual, block_number, opened_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (code, subject) WHERE resolved_at IS NULL DO NOTHING RETURNING 1`,
      [newId(), freezes, code, subject, expected, actual, blockNumber ?? null, now],
    );
    return opened.length > 0;
  }

  async frozen(freezes: FrozenClass): Promise<boolean> {
    const found = await this.tx.query(
      'SELECT 1 FROM chain_case WHERE freezes = $1 AND resolved_at IS NULL LIMIT 1',
      [freezes],
    );
    return found.length > 0;
  }

  async list(limit: number): Promise<Case[]> {
    const rows = await this.tx.query<CaseRow>(
      'SELECT * FROM chain_case ORDER BY resolved_at IS NOT NULL, opened_at DESC, id LIMIT $1',
      [limit],
    );
    return rows.map(toCase);
  }

  async resolve(id: string, resolution: CaseResolution): Promise<Case | undefined> {
    await this.tx.query(
      `UPDATE chain_case SET resolved_at = $2, resolved_by = $3, reason = $4
       WHERE id = $1 AND resolved_at IS NULL`,
      [id, resolution.at, resolution.by, resolution.reason],
    );
    const [row] = await this.tx.query<CaseRow>('SELECT * FROM chain_case WHERE id = $1', [id]);
    return row && toCase(row);
  }
}

const toCase = (row: CaseRow): Case => ({
  id: row.id,
  freezes: row.freezes,
  code: row.code,
  subject: row.subject,
  expected: row.expected,
  actual: row.actual,
  openedAt: row.opened_at,
  ...(row.block_number === null ? {} : { blockNumber: Number(row.block_number) }),
  ...(row.resolved_at === null || row.resolved_by === null
    ? {}
    : { resolved: { at: row.resolved_at, by: row.resolved_by, reason: row.reason ?? '' } }),
});
