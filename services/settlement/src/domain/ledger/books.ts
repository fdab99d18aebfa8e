import { invariant } from '@openledger/kernel';
import type { Account, AccountKind } from './accounts.js';
import { malformation, WEI_MAX } from './check-transfer.js';
import type { Standing } from './standing.js';
import type { Transfer } from './transfer.js';
import { isDone, type RefusalCode, type TransferCode, type TransferResult } from './transfer-result.js';

/** A transfer as it stands in the books; a refused one moved nothing and keeps its id. */
export interface Recorded extends Omit<Transfer, 'debit' | 'credit' | 'group'> {
  readonly debitId: string;
  readonly creditId: string;
  readonly refusal?: RefusalCode;
}

/** What is to be written. `releasedWei` is the pending amount that a `post` or `void` frees. */
export interface Entry extends Recorded {
  readonly releasedWei: bigint;
}

interface BookAccount {
  readonly kind: AccountKind;
  standing: Standing;
}

type Verdict = { readonly code: 'created'; readonly entry: Entry } | { readonly code: RefusalCode };

/**
 * The part of the books that a batch touches. Transfers are judged one after the other, each by what the ones before
 * it left, as in TigerBeetle's state machine (docs/reference/requests/create_transfers.md); nothing here does I/O.
 */
export class Books {
  readonly entries: Entry[] = [];
  private readonly accounts = new Map<string, BookAccount>();
  private readonly recorded = new Map<string, Recorded>();
  private readonly resolved = new Set<string>();

  /** @param now when the batch is recorded, and what expiries are judged by. */
  constructor(readonly now: Date) {}

  openAccount(account: Account, standing: Standing): void {
    this.accounts.set(account.id, { kind: account.kind, standing });
  }

  remember(recorded: Recorded): void {
    this.recorded.set(recorded.id, recorded);
  }

  rememberResolved(pendingId: string): void {
    this.resolved.add(pendingId);
  }

  standingOf(accountId: string): Standing {
    return this.account(accountId).standing;
  }

  submit(transfers: readonly Transfer[]): TransferResult[] {
    const results: TransferResult[] = [];
    for (let at = 0; at < transfers.length; ) {
      const end = groupEnd(transfers, at);
      const group = transfers.slice(at, end);
      results.push(
        ...(group.length === 1 ? group.map((one) => this.submitOne(one)) : this.submitGroup(group)),
      );
      at = end;
    }
    return results;
  }

  private submitOne(transfer: Transfer): TransferResult {
    const known = malformation(transfer) ?? this.known(transfer);
    if (known !== undefined) return typeof known === 'string' ? { id: transfer.id, code: known } : known;
    const verdict = this.judge(transfer);
    if (verdict.code !== 'created') return this.refuse(transfer, verdict.code);
    return this.enter(verdict.entry);
  }

  /** Tried on a copy first: the members of a group that fails leave nothing but their refusals. */
  private submitGroup(group: readonly Transfer[]): TransferResult[] {
    const trial = this.copyFor(group);
    const failed = group.findIndex((transfer) => !isDone(trial.submitOne(transfer)));
    if (failed < 0) return group.map((transfer) => this.submitOne(transfer));
    const code = trial.verdictOn(group[failed]);
    return group.map((transfer, index) => {
      const known = malformation(transfer) ?? this.known(transfer);
      if (known !== undefined) return typeof known === 'string' ? { id: transfer.id, code: known } : known;
      return this.refuse(transfer, index === failed && code !== undefined ? code : 'linked_refused');
    });
  }

  private copyFor(group: readonly Transfer[]): Books {
    const copy = new Books(this.now);
    for (const { id, debit, credit, pendingId } of group) {
      for (const account of [debit, credit]) {
        const found = this.accounts.get(account.id);
        if (found) copy.accounts.set(account.id, { ...found });
      }
      for (const known of pendingId === undefined ? [id] : [id, pendingId]) {
        const recorded = this.recorded.get(known);
        if (recorded) copy.recorded.set(known, recorded);
      }
      if (pendingId !== undefined && this.resolved.has(pendingId)) copy.resolved.add(pendingId);
    }
    return copy;
  }

  /** What the transfer was refused for by these books, if they did. */
  private verdictOn(transfer: Transfer | undefined): RefusalCode | undefined {
    return transfer && this.recorded.get(transfer.id)?.refusal;
  }

  /** The answer to an id that the books know. */
  private known(transfer: Transfer): TransferResult | undefined {
    const recorded = this.recorded.get(transfer.id);
    if (!recorded) return undefined;
    const { id } = transfer;
    if (recorded.refusal) return { id, code: 'id_already_rejected', firstRefusal: recorded.refusal };
    return { id, code: differenceOf(transfer, recorded) };
  }

  private judge(transfer: Transfer): Verdict {
    const debit = this.account(transfer.debit.id);
    const credit = this.account(transfer.credit.id);
    if (debit.kind !== transfer.debit.kind || credit.kind !== transfer.credit.kind) {
      return { code: 'account_has_other_kind' };
    }
    if (transfer.pendingId !== undefined) return this.judgeResolution(transfer, transfer.pendingId);
    const debits = totalDebits(debit.standing) + transfer.amountWei;
    const credits = totalCredits(credit.standing) + transfer.amountWei;
    if (debits > WEI_MAX || credits > WEI_MAX) return { code: 'balance_too_large' };
    if (debit.kind === 'liability' && debits > debit.standing.creditsPostedWei)
      return { code: 'insufficient' };
    if (credit.kind === 'asset' && credits > credit.standing.debitsPostedWei) return { code: 'overcredited' };
    return { code: 'created', entry: entryOf(transfer, 0n) };
  }

  private judgeResolution(transfer: Transfer, pendingId: string): Verdict {
    const held = this.recorded.get(pendingId);
    if (!held || held.refusal) return { code: 'pending_unknown' };
    if (held.kind !== 'pending') return { code: 'pending_not_pending' };
    if (held.debitId !== transfer.debit.id || held.creditId !== transfer.credit.id) {
      return { code: 'pending_has_other_accounts' };
    }
    if (this.resolved.has(pendingId)) return { code: 'pending_already_resolved' };
    if (transfer.amountWei > held.amountWei) return { code: 'exceeds_pending' };
    if (transfer.kind === 'post' && held.expiresAt && held.expiresAt <= this.now) {
      return { code: 'pending_expired' };
    }
    return { code: 'created', entry: entryOf(transfer, held.amountWei) };
  }

  private refuse(transfer: Transfer, refusal: RefusalCode): TransferResult {
    const entry = { ...entryOf(transfer, 0n), refusal };
    this.recorded.set(entry.id, entry);
    this.entries.push(entry);
    return { id: transfer.id, code: refusal };
  }

  private enter(entry: Entry): TransferResult {
    const debit = this.account(entry.debitId);
    const credit = this.account(entry.creditId);
    const { pendingWei, postedWei } = movementOf(entry);
    debit.standing = {
      ...debit.standing,
      debitsPendingWei: debit.standing.debitsPendingWei + pendingWei,
      debitsPostedWei: debit.standing.debitsPostedWei + postedWei,
    };
    credit.standing = {
      ...credit.standing,
      creditsPendingWei: credit.standing.creditsPendingWei + pendingWei,
      creditsPostedWei: credit.standing.creditsPostedWei + postedWei,
    };
    this.recorded.set(entry.id, entry);
    if (entry.pendingId !== undefined) this.resolved.add(entry.pendingId);
    this.entries.push(entry);
    return { id: entry.id, code: 'created' };
  }

  private account(id: string): BookAccount {
    const found = this.accounts.get(id);
    invariant(found, `account ${id} is not open in these books`);
    return found;
  }
}

/** What an entry moves on both of its sides. */
function movementOf({ kind, amountWei, releasedWei }: Entry): {
  pendingWei: bigint;
  postedWei: bigint;
} {
  return {
    pendingWei: kind === 'pending' ? amountWei : -releasedWei,
    postedWei: kind === 'single' || kind === 'post' ? amountWei : 0n,
  };
}

const totalDebits = (standing: Standing): bigint => standing.debitsPostedWei + standing.debitsPendingWei;
const totalCredits = (standing: Standing): bigint => standing.creditsPostedWei + standing.creditsPendingWei;

function groupEnd(transfers: readonly Transfer[], start: number): number {
  const group = transfers[start]?.group;
  let end = start + 1;
  while (group !== undefined && transfers[end]?.group === group) end += 1;
  return end;
}

const entryOf = (transfer: Transfer, releasedWei: bigint): Entry => ({
  id: transfer.id,
  kind: transfer.kind,
  debitId: transfer.debit.id,
  creditId: transfer.credit.id,
  amountWei: transfer.amountWei,
  releasedWei,
  ...(transfer.pendingId === undefined ? {} : { pendingId: transfer.pendingId }),
  ...(transfer.expiresAt === undefined ? {} : { expiresAt: transfer.expiresAt }),
  reason: transfer.reason,
  reference: transfer.reference,
});

function differenceOf(transfer: Transfer, recorded: Recorded): TransferCode {
  if (transfer.kind !== recorded.kind) return 'exists_with_different_kind';
  if (transfer.debit.id !== recorded.debitId) return 'exists_with_different_debit';
  if (transfer.credit.id !== recorded.creditId) return 'exists_with_different_credit';
  if (transfer.amountWei !== recorded.amountWei) return 'exists_with_different_amount';
  if (transfer.pendingId !== recorded.pendingId) return 'exists_with_different_pending_id';
  if (transfer.expiresAt?.getTime() !== recorded.expiresAt?.getTime()) return 'exists_with_different_expiry';
  if (transfer.reason !== recorded.reason) return 'exists_with_different_reason';
  if (transfer.reference !== recorded.reference) return 'exists_with_different_reference';
  return 'exists';
}
