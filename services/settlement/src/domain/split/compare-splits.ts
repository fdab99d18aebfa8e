import type { FeePart, Role } from './split-fee.js';

/** What a role or a payee got, and what it would have got. */
export interface Change {
  readonly paidWei: bigint;
  readonly proposedWei: bigint;
}

export interface RoleChange extends Change {
  readonly role: Role;
}

export interface PayeeChange extends Change {
  readonly payeeId: string;
}

/** Adds up two ways of splitting the same fees. */
export class SplitComparison {
  private readonly roles = new Map<Role, Change>();
  private readonly payees = new Map<string, Change>();

  add(paid: readonly FeePart[], proposed: readonly FeePart[]): void {
    for (const { role, payeeId, amountWei } of paid)
      this.count(role, payeeId, { paidWei: amountWei, proposedWei: 0n });
    for (const { role, payeeId, amountWei } of proposed) {
      this.count(role, payeeId, { paidWei: 0n, proposedWei: amountWei });
    }
  }

  byRole(): RoleChange[] {
    return [...this.roles]
      .map(([role, change]) => ({ role, ...change }))
      .sort((a, b) => (a.role < b.role ? -1 : 1));
  }

  /** Those whom it changes most, at most `limit`. */
  byPayee(limit: number): PayeeChange[] {
    return [...this.payees]
      .map(([payeeId, change]) => ({ payeeId, ...change }))
      .filter(({ paidWei, proposedWei }) => paidWei !== proposedWei)
      .sort((a, b) => compare(differenceOf(b), differenceOf(a)) || (a.payeeId < b.payeeId ? -1 : 1))
      .slice(0, limit);
  }

  private count(role: Role, payeeId: string, change: Change): void {
    this.roles.set(role, plus(this.roles.get(role), change));
    if (payeeId !== '') this.payees.set(payeeId, plus(this.payees.get(payeeId), change));
  }
}

const plus = (a: Change | undefined, b: Change): Change => ({
  paidWei: (a?.paidWei ?? 0n) + b.paidWei,
  proposedWei: (a?.proposedWei ?? 0n) + b.proposedWei,
});

function differenceOf({ paidWei, proposedWei }: Change): bigint {
  const difference = proposedWei - paidWei;
  return difference < 0n ? -difference : difference;
}

const compare = (a: bigint, b: bigint): number => (a === b ? 0 : a < b ? -1 : 1);
