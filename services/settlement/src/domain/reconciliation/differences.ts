/** One comparison of chain and books that does not hold. */
export interface Found {
  readonly freezes: 'payouts' | 'vouchers';
  readonly code: string;
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
}

export interface Compared {
  readonly supplyWei: bigint;
  readonly vaultHeldWei: bigint;
  readonly vaultDepositedWei: bigint;
  readonly vaultFundedWei: bigint;
  readonly distributorHeldWei: bigint;
  readonly distributorClaimedWei: bigint;
  readonly distributorBondedWei: bigint;
  readonly escrowHeldWei: bigint;
  readonly escrowClaimedWei: bigint;
  readonly escrowSettledWei: bigint;
  readonly stakesHeldWei: bigint;
  readonly stakesOwedWei: bigint;
}

export interface Booked {
  readonly vaultWei: bigint;
  readonly distributorWei: bigint;
  readonly escrowWei: bigint;
  readonly vouchersWei: bigint;
  readonly promisedWei: bigint;
}

const SUPPLY_MAX_WEI = 10n ** 27n;

type What = Pick<Found, 'freezes' | 'code' | 'subject'>;

const payouts = (code: string, subject: string): What => ({ freezes: 'payouts', code, subject });
const vouchers = (code: string): What => ({ freezes: 'vouchers', code, subject: 'chain:escrow' });

/**
 * Compares what the contracts say at a block with what the books say of it. Contracts may hold more than they must,
 * because anybody can send tokens to them: what they counted must be equal, what they hold must be enough.
 */
export function differencesOf(chain: Compared, books: Booked, lastSupplyWei = SUPPLY_MAX_WEI): Found[] {
  const vaultWei = chain.vaultDepositedWei + chain.escrowSettledWei - chain.vaultFundedWei;
  const paidInWei = chain.vaultFundedWei - chain.distributorClaimedWei;
  const owedWei = books.promisedWei - chain.distributorClaimedWei;
  const bookedWei = books.distributorWei + chain.distributorBondedWei;
  const unsweptWei = books.vouchersWei - chain.escrowSettledWei;
  const [vault, distributor] = ['chain:vault', 'chain:distributor'];
  return [
    ...equal(payouts('VAULT_DIFFERS', vault), books.vaultWei, vaultWei),
    ...enough(payouts('VAULT_SHORT', vault), books.vaultWei, chain.vaultHeldWei),
    ...equal(payouts('DISTRIBUTOR_DIFFERS', distributor), books.distributorWei, paidInWei),
    ...enough(payouts('DISTRIBUTOR_SHORT', distributor), bookedWei, chain.distributorHeldWei),
    ...enough(payouts('ROOT_UNDERFUNDED', distributor), owedWei, chain.distributorHeldWei),
    ...equal(vouchers('ESCROW_DIFFERS'), books.escrowWei, unsweptWei),
    ...enough(vouchers('VOUCHERS_OVERCLAIMED'), chain.escrowClaimedWei, books.vouchersWei),
    ...enough(vouchers('ESCROW_SHORT'), books.escrowWei, chain.escrowHeldWei),
    ...enough(payouts('STAKES_SHORT', 'stakes'), chain.stakesOwedWei, chain.stakesHeldWei),
    ...enough(payouts('SUPPLY_GREW', 'token'), chain.supplyWei, lastSupplyWei),
  ];
}

function equal(what: What, expectedWei: bigint, actualWei: bigint): Found[] {
  if (expectedWei === actualWei) return [];
  return [{ ...what, expected: expectedWei.toString(), actual: actualWei.toString() }];
}

function enough(what: What, neededWei: bigint, heldWei: bigint): Found[] {
  if (heldWei >= neededWei) return [];
  return [{ ...what, expected: `at least ${neededWei}`, actual: heldWei.toString() }];
}
