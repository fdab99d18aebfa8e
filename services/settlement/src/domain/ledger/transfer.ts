import { derivedId } from '@openledger/kernel';
import type { Account } from './accounts.js';

/**
 * One movement of money between two accounts. `pending` reserves it; `post` settles a pending one for at most its
 * amount and frees the rest; `void` frees it whole; `single` moves at once.
 */
export interface Transfer {
  readonly id: string;
  readonly kind: 'single' | 'pending' | 'post' | 'void';
  readonly debit: Account;
  readonly credit: Account;
  readonly amountWei: bigint;
  /** The pending transfer that a `post` or `void` resolves. */
  readonly pendingId?: string;
  /** From then on a `pending` cannot be posted any more, and is voided by us. By the service's clock. */
  readonly expiresAt?: Date;
  /** Neighbours in a batch that name the same group happen all or not at all. */
  readonly group?: string;
  /** Why, for people and for queries: `deposit`, `fee`, `split`, … */
  readonly reason: string;
  /** What it belongs to: a request, an epoch, a log. */
  readonly reference: string;
}

export interface TransferRequest {
  readonly debit: Account;
  readonly credit: Account;
  readonly amountWei: bigint;
  readonly reason: string;
  readonly reference: string;
}

/** A transfer whose id follows from what it is for, so that posting it again changes nothing. */
export function single(request: TransferRequest): Transfer {
  const name = `${request.reason}:${request.debit.id}:${request.credit.id}`;
  return { ...request, id: derivedId(request.reference, name), kind: 'single' };
}
