import { WEI_MAX } from '../src/domain/ledger/check-transfer.js';
import type { Transfer } from '../src/domain/ledger/transfer.js';

interface Counters {
  readonly kind: string;
  pendingOut: bigint;
  postedOut: bigint;
  pendingIn: bigint;
  postedIn: bigint;
}

interface Known {
  readonly transfer: Transfer;
  readonly refused?: string;
}

/** The ledger again, as plainly as it can be written and sharing no code with it: what tests compare it with. */
export class ReferenceLedger {
  now = Date.parse('2026-01-01T00:00:00Z');
  private accounts = new Map<string, Counters>();
  private known = new Map<string, Known>();
  private resolved = new Set<string>();

  submit(batch: readonly Transfer[]): string[] {
    const codes: string[] = [];
    for (let at = 0; at < batch.length; ) {
      const name = batch[at]?.group;
      let end = at + 1;
      while (name !== undefined && batch[end]?.group === name) end += 1;
      codes.push(...this.all(batch.slice(at, end)));
      at = end;
    }
    return codes;
  }

  counters(id: string, kind: string): Counters {
    const found = this.accounts.get(id) ?? {
      kind,
      pendingOut: 0n,
      postedOut: 0n,
      pendingIn: 0n,
      postedIn: 0n,
    };
    this.accounts.set(id, found);
    return found;
  }

  expired(): Transfer[] {
    return [...this.known.values()]
      .filter(({ transfer, refused }) => !refused && !this.resolved.has(transfer.id) && this.isOver(transfer))
      .map(({ transfer }) => transfer);
  }

  private isOver = (transfer: Transfer): boolean =>
    transfer.expiresAt !== undefined && transfer.expiresAt.getTime() <= this.now;

  private all(group: readonly Transfer[]): string[] {
    const before = structuredClone({ accounts: this.accounts, known: this.known, resolved: this.resolved });
    const codes = group.map((transfer) => this.one(transfer));
    const failed = codes.findIndex((code) => code !== 'created' && code !== 'exists');
    if (failed < 0 || group.length === 1) return codes;
    this.accounts = before.accounts;
    this.known = before.known;
    this.resolved = before.resolved;
    return group.map((transfer, index) => {
      const known = malformed(transfer) ?? this.ofKnown(transfer);
      if (known) return known;
      const refused = index === failed ? (codes[failed] ?? '') : 'linked_refused';
      this.known.set(transfer.id, { transfer, refused });
      return refused;
    });
  }

  private one(transfer: Transfer): string {
    const early = malformed(transfer) ?? this.ofKnown(transfer);
    if (early) return early;
    const refused = this.refusal(transfer);
    this.known.set(transfer.id, { transfer, ...(refused ? { refused } : {}) });
    if (refused) return refused;
    this.move(transfer);
    return 'created';
  }

  private ofKnown(transfer: Transfer): string | undefined {
    const found = this.known.get(transfer.id);
    if (!found) return undefined;
    if (found.refused) return 'id_already_rejected';
    const old = found.transfer;
    if (old.kind !== transfer.kind) return 'exists_with_different_kind';
    if (old.debit.id !== transfer.debit.id) return 'exists_with_different_debit';
    if (old.credit.id !== transfer.credit.id) return 'exists_with_different_credit';
    if (old.amountWei !== transfer.amountWei) return 'exists_with_different_amount';
    if (old.pendingId !== transfer.pendingId) return 'exists_with_different_pending_id';
    if (old.expiresAt?.getTime() !== transfer.expiresAt?.getTime()) return 'exists_with_different_expiry';
    return 'exists';
  }

  private refusal(transfer: Transfer): string | undefined {
    const { debit, credit, amountWei, pendingId } = transfer;
    const from = this.counters(debit.id, debit.kind);
    const to = this.counters(credit.id, credit.kind);
    if (pendingId !== undefined) {
      const held = this.known.get(pendingId);
      if (!held || held.refused) return 'pending_unknown';
      if (held.transfer.kind !== 'pending') return 'pending_not_pending';
      if (held.transfer.debit.id !== debit.id || held.transfer.credit.id !== credit.id) {
        return 'pending_has_other_accounts';
      }
      if (this.resolved.has(pendingId)) return 'pending_already_resolved';
      if (amountWei > held.transfer.amountWei) return 'exceeds_pending';
      return transfer.kind === 'post' && this.isOver(held.transfer) ? 'pending_expired' : undefined;
    }
    const out = from.pendingOut + from.postedOut + amountWei;
    const into = to.pendingIn + to.postedIn + amountWei;
    if (out > WEI_MAX || into > WEI_MAX) return 'balance_too_large';
    if (from.kind === 'liability' && out > from.postedIn) return 'insufficient';
    return to.kind === 'asset' && into > to.postedOut ? 'overcredited' : undefined;
  }

  private move({ kind, debit, credit, amountWei, pendingId }: Transfer): void {
    const from = this.counters(debit.id, debit.kind);
    const to = this.counters(credit.id, credit.kind);
    const held = pendingId === undefined ? 0n : (this.known.get(pendingId)?.transfer.amountWei ?? 0n);
    const pending = kind === 'pending' ? amountWei : -held;
    const posted = kind === 'single' || kind === 'post' ? amountWei : 0n;
    from.pendingOut += pending;
    from.postedOut += posted;
    to.pendingIn += pending;
    to.postedIn += posted;
    if (pendingId !== undefined) this.resolved.add(pendingId);
  }
}

function malformed({ amountWei, debit, credit }: Transfer): string | undefined {
  if (amountWei <= 0n) return 'amount_not_positive';
  if (amountWei > WEI_MAX) return 'amount_too_large';
  return debit.id === credit.id ? 'accounts_equal' : undefined;
}
