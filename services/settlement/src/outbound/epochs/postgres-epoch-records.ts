import type { Database } from '@openledger/persistence';
import type { Epoch } from '../../application/epochs/epoch-ports.js';
import { type ClosedLedgerEpoch, EpochRecords } from '../../application/epochs/manifest-ports.js';
import type { Leaf } from '../../domain/epochs/epoch.js';
import type {
  AccountLine,
  ChainLine,
  LedgerLine,
  PaymentLine,
  RefundLine,
  RoyaltiesLine,
} from '../../domain/epochs/manifest.js';
import { type AnswerRecord, answerLine } from '../metering/answer-line.js';
import { toLeaf } from './epoch-row.js';

const PAGE = 2_000;
const LEAVES_PAGE = 50_000;

interface LedgerEpochRow {
  readonly epoch: number;
  readonly opened_at: Date;
  readonly closed_at: Date;
  readonly manifest: string | null;
}

interface PaymentRow {
  readonly epoch: number;
  readonly revision: number;
  readonly account: string;
  readonly wallet: string;
  readonly amount: string;
}

/** Rows of closed epochs, page by page, in the order of their keys' bytes. */
export class PostgresEpochRecords extends EpochRecords {
  constructor(private readonly database: Database) {
    super();
  }

  async unwritten(last: number): Promise<ClosedLedgerEpoch[]> {
    const rows = await this.database.query<LedgerEpochRow>(
      'SELECT * FROM ledger_epoch WHERE manifest IS NULL AND epoch <= $1 ORDER BY epoch',
      [Math.min(last, 2 ** 31 - 1)],
    );
    return rows.map(toClosed);
  }

  async ledgerEpoch(epoch: number): Promise<ClosedLedgerEpoch | undefined> {
    const sql = 'SELECT * FROM ledger_epoch WHERE epoch = $1';
    const [row] = await this.database.query<LedgerEpochRow>(sql, [epoch]);
    return row && toClosed(row);
  }

  async saveManifest(ledgerEpoch: number, manifest: string, previous: string): Promise<void> {
    await this.database.query(
      'UPDATE ledger_epoch SET manifest = $2, previous_manifest = $3 WHERE epoch = $1',
      [ledgerEpoch, manifest, previous],
    );
  }

  async *ledgerLines(ledgerEpoch: number): AsyncIterable<LedgerLine> {
    yield* await this.policies(ledgerEpoch);
    yield* await this.royalties(ledgerEpoch);
    let answers = 0;
    let feesWei = 0n;
    for await (const record of this.answers(ledgerEpoch)) {
      answers += 1;
      feesWei += BigInt(record.fee);
      yield answerLine(record);
    }
    yield* this.payments('payment', 'ledger_epoch = $1', [ledgerEpoch]);
    yield* this.payments('undone', 'undone_in = $1', [ledgerEpoch]);
    yield* await this.refunds(ledgerEpoch);
    let accounts = 0;
    for await (const line of this.accounts(ledgerEpoch)) {
      accounts += 1;
      yield line;
    }
    yield { kind: 'sums', answers, accounts, feesWei: feesWei.toString() };
  }

  async leaves(epoch: number): Promise<Leaf[]> {
    const leaves: Leaf[] = [];
    const pages = this.pages<{ wallet: string; total: string }>(
      (after) => [
        'SELECT wallet, total FROM epoch_leaf WHERE epoch = $1 AND wallet > $2 ORDER BY wallet LIMIT $3',
        [epoch, after?.wallet ?? '', LEAVES_PAGE],
      ],
      LEAVES_PAGE,
    );
    for await (const row of pages) leaves.push(toLeaf(row));
    return leaves;
  }

  async *chainLines(epoch: Epoch, leaves: readonly Leaf[]): AsyncIterable<ChainLine> {
    const ledgers = await this.database.query<{ epoch: number; manifest: string }>(
      'SELECT epoch, manifest FROM ledger_epoch WHERE epoch BETWEEN $1 AND $2 ORDER BY epoch',
      [epoch.ledgerFrom, epoch.ledgerTo],
    );
    for (const row of ledgers) yield { kind: 'ledger', ledgerEpoch: row.epoch, manifest: row.manifest };
    const own = 'epoch = $1 AND revision = $2';
    yield* this.payments('payment', own, [epoch.epoch, epoch.revision]);
    for (const leaf of leaves)
      yield { kind: 'leaf', wallet: leaf.wallet, totalWei: leaf.totalWei.toString() };
  }

  private async policies(ledgerEpoch: number): Promise<LedgerLine[]> {
    const rows = await this.database.query<Record<string, number> & { effective_from: Date }>(
      `SELECT * FROM split_policy WHERE version <= (SELECT policies FROM ledger_epoch WHERE epoch = $1)
       ORDER BY version`,
      [ledgerEpoch],
    );
    return rows.map((row) => ({
      kind: 'policy',
      version: row.version ?? 0,
      effectiveFrom: row.effective_from.toISOString(),
      roles: {
        platformBps: row.platform_bps ?? 0,
        developerBps: row.developer_bps ?? 0,
        stakersBps: row.stakers_bps ?? 0,
        contributorsBps: row.contributors_bps ?? 0,
        nodeBps: row.node_bps ?? 0,
        royaltyBps: row.royalty_bps ?? 0,
      },
    }));
  }

  private async royalties(ledgerEpoch: number): Promise<RoyaltiesLine[]> {
    const rows = await this.database.query<{
      id: string;
      royalties: Pick<RoyaltiesLine, 'developers' | 'contributors'>;
    }>(
      `SELECT * FROM split_royalties
       WHERE id IN (SELECT royalties FROM request WHERE ledger_epoch = $1 AND royalties IS NOT NULL) ORDER BY id`,
      [ledgerEpoch],
    );
    return rows.map(({ id, royalties }) => ({ kind: 'royalties', id, ...royalties }));
  }

  private answers(ledgerEpoch: number): AsyncIterable<AnswerRecord> {
    return this.pages<AnswerRecord>(
      (after) => [
        `SELECT * FROM request WHERE ledger_epoch = $1 AND id COLLATE "C" > $2 ORDER BY id COLLATE "C" LIMIT $3`,
        [ledgerEpoch, after?.id ?? '', PAGE],
      ],
      PAGE,
    );
  }

  private async *payments(
    kind: PaymentLine['kind'],
    condition: string,
    values: readonly number[],
  ): AsyncIterable<PaymentLine> {
    const at = values.length;
    const pages = this.pages<PaymentRow>(
      (after) => [
        `SELECT epoch, revision, account, wallet, amount FROM epoch_payment
         WHERE ${condition} AND (account, epoch, revision) > ($${at + 1}, $${at + 2}, $${at + 3})
         ORDER BY account, epoch, revision LIMIT $${at + 4}`,
        [...values, after?.account ?? '', after?.epoch ?? 0, after?.revision ?? 0, PAGE],
      ],
      PAGE,
    );
    for await (const row of pages) {
      const { epoch, revision, account, wallet } = row;
      yield { kind, epoch, revision, account, wallet, amountWei: row.amount };
    }
  }

  private async refunds(ledgerEpoch: number): Promise<RefundLine[]> {
    const rows = await this.database.query<{ refund_id: string; request_id: string; amount: string }>(
      `SELECT note.refund_id, note.request_id, note.amount
       FROM ledger_epoch_refund known JOIN credit_note note USING (refund_id)
       WHERE known.epoch = $1 ORDER BY note.refund_id`,
      [ledgerEpoch],
    );
    return rows.map((row) => ({
      kind: 'refund',
      id: row.refund_id,
      requestId: row.request_id,
      amountWei: row.amount,
    }));
  }

  private async *accounts(ledgerEpoch: number): AsyncIterable<AccountLine> {
    interface AccountRow {
      readonly account: string;
      readonly opening_credits: string;
      readonly opening_debits: string;
      readonly credits: string;
      readonly debits: string;
    }
    const pages = this.pages<AccountRow>(
      (after) => [
        `SELECT * FROM ledger_epoch_account WHERE epoch = $1 AND account > $2
         ORDER BY account LIMIT $3`,
        [ledgerEpoch, after?.account ?? '', PAGE],
      ],
      PAGE,
    );
    for await (const row of pages) {
      yield {
        kind: 'account',
        account: row.account,
        openingCreditsWei: row.opening_credits,
        openingDebitsWei: row.opening_debits,
        creditsWei: row.credits,
        debitsWei: row.debits,
      };
    }
  }

  /** Rows of one page after another; `next` tells the query of the page after a row. */
  private async *pages<R extends object>(
    next: (after: R | undefined) => readonly [sql: string, params: readonly unknown[]],
    size: number,
  ): AsyncGenerator<R> {
    let page: R[];
    let after: R | undefined;
    do {
      page = await this.database.query<R>(...next(after));
      yield* page;
      after = page.at(-1);
    } while (page.length === size);
  }
}

const toClosed = (row: LedgerEpochRow): ClosedLedgerEpoch => ({
  ledgerEpoch: row.epoch,
  openedAt: row.opened_at,
  closedAt: row.closed_at,
  ...(row.manifest === null ? {} : { manifest: row.manifest }),
});
