import type { Account } from '../../domain/ledger/accounts.js';
import type { SealedBlock } from '../../domain/ledger/seal.js';
import type { Standing } from '../../domain/ledger/standing.js';

/** Reads of the books as they were. */
export abstract class LedgerQueries {
  /** After every transfer that was recorded by then, in the order given. */
  abstract standingsAt(accounts: readonly Account[], at: Date): Promise<Standing[]>;
  /** Newest first. */
  abstract blocks(before: number, limit: number): Promise<SealedBlock[]>;
}
