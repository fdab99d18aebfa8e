import { type Booked, type Compared, differencesOf } from './differences.js';

const chain: Compared = {
  supplyWei: 1_000n,
  vaultHeldWei: 70n,
  vaultDepositedWei: 90n,
  vaultFundedWei: 40n,
  distributorHeldWei: 35n,
  distributorClaimedWei: 10n,
  distributorBondedWei: 5n,
  escrowHeldWei: 30n,
  escrowClaimedWei: 25n,
  escrowSettledWei: 20n,
  stakesHeldWei: 8n,
  stakesOwedWei: 8n,
};
const books: Booked = {
  vaultWei: 70n,
  distributorWei: 30n,
  escrowWei: 10n,
  vouchersWei: 30n,
  promisedWei: 40n,
};

describe('differencesOf', () => {
  const codes = (over: Partial<Compared>, also: Partial<Booked> = {}, supplyWei?: bigint) =>
    differencesOf({ ...chain, ...over }, { ...books, ...also }, supplyWei).map(({ code }) => code);

  it('finds none where counters are equal and what is held is enough', () => {
    expect(codes({})).toEqual([]);
    const gifts = { vaultHeldWei: 71n, distributorHeldWei: 99n, escrowHeldWei: 99n, stakesHeldWei: 9n };
    expect(codes(gifts)).toEqual([]);
  });

  const wrong: [string, Partial<Compared>, Partial<Booked>, string[]][] = [
    ['a deposit that the books lack', { vaultDepositedWei: 91n }, {}, ['VAULT_DIFFERS']],
    ['a vault that was emptied', { vaultHeldWei: 69n }, {}, ['VAULT_SHORT']],
    ['a claim that the books lack', { distributorClaimedWei: 11n }, {}, ['DISTRIBUTOR_DIFFERS']],
    ['bonds that were paid out', { distributorHeldWei: 34n }, {}, ['DISTRIBUTOR_SHORT']],
    ['a root beyond its funds', {}, { promisedWei: 46n }, ['ROOT_UNDERFUNDED']],
    ['a sweep that the books lack', {}, { escrowWei: 11n }, ['ESCROW_DIFFERS']],
    ['claims beyond the vouchers', { escrowClaimedWei: 31n }, {}, ['VOUCHERS_OVERCLAIMED']],
    ['an escrow that was emptied', { escrowHeldWei: 9n }, {}, ['ESCROW_SHORT']],
    ['stakes that are gone', { stakesHeldWei: 7n }, {}, ['STAKES_SHORT']],
    ['tokens from nowhere', { supplyWei: 10n ** 27n + 1n }, {}, ['SUPPLY_GREW']],
  ];
  it.each(wrong)('finds %s', (_, over, also, expected) => {
    expect(codes(over, also)).toEqual(expected);
  });

  it('lets the supply fall and never rise again', () => {
    expect(codes({}, {}, 1_000n)).toEqual([]);
    expect(codes({}, {}, 999n)).toEqual(['SUPPLY_GREW']);
  });
});
