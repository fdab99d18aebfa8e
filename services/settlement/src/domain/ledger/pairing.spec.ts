import fc from 'fast-check';
import { CHAIN_VAULT, payer, reorgDebt, UNMATCHED } from './accounts.js';
import { pairUp } from './pairing.js';
import { lesser } from './standing.js';

describe('pairUp', () => {
  it('gives and takes exactly what each side says, whatever the parts', () => {
    const accounts = [CHAIN_VAULT, UNMATCHED, payer('a'), reorgDebt('a')];
    const amount = fc.bigInt({ min: 0n, max: 100n });
    fc.assert(
      fc.property(amount, amount, amount, (first, second, third) => {
        const total = first + second;
        const cut = lesser(third, total);
        const debits = [
          { account: accounts[0] ?? CHAIN_VAULT, amountWei: first },
          { account: accounts[1] ?? CHAIN_VAULT, amountWei: second },
        ];
        const credits = [
          { account: accounts[2] ?? CHAIN_VAULT, amountWei: cut },
          { account: accounts[3] ?? CHAIN_VAULT, amountWei: total - cut },
        ];
        const pairs = pairUp(debits, credits);
        const sumOf = (side: 'debit' | 'credit', id: string) =>
          pairs.filter((pair) => pair[side].id === id).reduce((sum, pair) => sum + pair.amountWei, 0n);
        for (const { account, amountWei } of debits) expect(sumOf('debit', account.id)).toBe(amountWei);
        for (const { account, amountWei } of credits) expect(sumOf('credit', account.id)).toBe(amountWei);
        expect(pairs.every(({ amountWei }) => amountWei > 0n)).toBe(true);
        expect(pairs.length).toBeLessThanOrEqual(3);
      }),
    );
  });
});
