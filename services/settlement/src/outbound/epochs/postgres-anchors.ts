import type { Database, Transaction } from '@openledger/persistence';
import { type AnchorBook, AnchorQueries, type ListedAnchor } from '../../application/epochs/anchor-ports.js';
import type { AnchoredManifest, ManifestAnchor } from '../../domain/epochs/anchor.js';

/** Table `manifest_anchor`. */
export class PostgresAnchors implements AnchorBook {
  constructor(private readonly tx: Transaction) {}

  /** Epochs are written in their order, so what has a manifest is without gaps. */
  async unanchored(limit: number): Promise<AnchoredManifest[]> {
    await this.tx.query('LOCK TABLE manifest_anchor IN SHARE ROW EXCLUSIVE MODE');
    const rows = await this.tx.query<{ epoch: number; manifest: string }>(
      `SELECT epoch, manifest FROM ledger_epoch
       WHERE manifest IS NOT NULL AND epoch > (SELECT coalesce(max(last_epoch), 0) FROM manifest_anchor)
       ORDER BY epoch LIMIT $1`,
      [limit],
    );
    return rows.map(({ epoch, manifest }) => ({ ledgerEpoch: epoch, manifest }));
  }

  async save({ from, to, root, manifest }: ManifestAnchor, purpose: string): Promise<void> {
    await this.tx.query(
      `INSERT INTO manifest_anchor (first_epoch, last_epoch, root, manifest, purpose)
       VALUES ($1, $2, $3, $4, $5)`,
      [from, to, root, manifest, purpose],
    );
  }
}

interface AnchorRow {
  readonly first_epoch: number;
  readonly last_epoch: number;
  readonly root: string;
  readonly manifest: string;
  readonly state: ListedAnchor['state'];
  readonly transaction_hash: string | null;
}

export class PostgresAnchorQueries extends AnchorQueries {
  constructor(private readonly database: Database) {
    super();
  }

  async anchors(limit: number): Promise<ListedAnchor[]> {
    const rows = await this.database.query<AnchorRow>(
      `SELECT anchor.*, sent.state, attempt.hash AS transaction_hash
       FROM manifest_anchor AS anchor JOIN chain_tx AS sent USING (purpose)
       LEFT JOIN LATERAL (
         SELECT hash FROM chain_attempt WHERE purpose = anchor.purpose ORDER BY created_at DESC LIMIT 1
       ) AS attempt ON true
       ORDER BY first_epoch DESC LIMIT $1`,
      [limit],
    );
    return rows.map((row) => ({
      from: row.first_epoch,
      to: row.last_epoch,
      root: row.root,
      manifest: row.manifest,
      state: row.state,
      ...(row.transaction_hash !== null && { transactionHash: row.transaction_hash }),
    }));
  }
}
