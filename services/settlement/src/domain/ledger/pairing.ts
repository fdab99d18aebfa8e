import type { Account } from './accounts.js';
import { lesser } from './standing.js';

/** A part of an amount, and the account that it touches. */
export interface Side {
  readonly account: Account;
  readonly amountWei: bigint;
}

export interface Pair {
  readonly debit: Account;
  readonly credit: Account;
  readonly amountWei: bigint;
}

/** Moves what one side gives to what the other takes, in order; both sum to the same. Nothing moves nothing. */
export function pairUp(debits: readonly Side[], credits: readonly Side[]): Pair[] {
  const pairs: Pair[] = [];
  const given = debits.map((side) => ({ ...side }));
  const taken = credits.map((side) => ({ ...side }));
  let [d, c] = [0, 0];
  for (;;) {
    const [debit, credit] = [given[d], taken[c]];
    if (!debit || !credit) return pairs;
    const amountWei = lesser(debit.amountWei, credit.amountWei);
    if (amountWei > 0n) pairs.push({ debit: debit.account, credit: credit.account, amountWei });
    debit.amountWei -= amountWei;
    credit.amountWei -= amountWei;
    if (debit.amountWei === 0n) d += 1;
    if (credit.amountWei === 0n) c += 1;
  }
}
