import { isId } from '@openledger/kernel';
import type { Account } from './accounts.js';
import type { Transfer } from './transfer.js';
import type { MalformedCode } from './transfer-result.js';

/** The largest uint128, on chain and in a numeric(39, 0) column. */
export const WEI_MAX = 2n ** 128n - 1n;
const ACCOUNT_ID_MAX = 300;
const REASON_MAX = 64;
const REFERENCE_MAX = 300;
const KINDS: ReadonlySet<string> = new Set(['single', 'pending', 'post', 'void']);

/** What is wrong with the transfer itself, before any books are opened; it may come from untyped callers. */
export function malformation(transfer: Transfer): MalformedCode | undefined {
  const { id, kind, amountWei, debit, credit, pendingId, expiresAt } = transfer;
  if (!isId(id)) return 'id_invalid';
  if (!KINDS.has(kind)) return 'kind_invalid';
  if (typeof amountWei !== 'bigint') return 'amount_not_whole';
  if (amountWei <= 0n) return 'amount_not_positive';
  if (amountWei > WEI_MAX) return 'amount_too_large';
  if (!isAccountId(debit) || !isAccountId(credit)) return 'account_invalid';
  if (debit.id === credit.id) return 'accounts_equal';
  const resolves = kind === 'post' || kind === 'void';
  if (resolves && (pendingId === undefined || !isId(pendingId))) return 'pending_id_missing';
  if (!resolves && pendingId !== undefined) return 'pending_id_unexpected';
  if (expiresAt !== undefined && (kind !== 'pending' || Number.isNaN(expiresAt.getTime()))) {
    return 'expiry_unexpected';
  }
  if (!fits(transfer.reason, REASON_MAX) || !fits(transfer.reference, REFERENCE_MAX)) return 'text_too_long';
  return undefined;
}

const isAccountId = ({ id }: Account): boolean => id !== '' && fits(id, ACCOUNT_ID_MAX);

/** Postgres stores no NUL in text. */
const fits = (text: string, max: number): boolean => text.length <= max && !text.includes('\0');
