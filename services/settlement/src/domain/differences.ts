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

/**
 * Compares what the contracts say at a block with what the books say of it. Contracts may hold more than they must,
 * because anybody can send tokens to them: what they counted must be equal, what they hold must be enough.
 */
export function differencesOf(chain: Compared, books: Booked, lastSupplyWei = SUPPLY_MAX_WEI): Found[] {
  const vaultWei = chain.vaultDepositedWei + chain.escrowSettledWei - chain.vaultFundedWei;
  const distributorWei = chain.vaultFundedWei - chain.distributorClaimedWei;
  const owedWei = books.promisedWei - chain.distributorClaimedWei;
  const checks: readonly (Found | undefined)[] = [
    equal('payouts', 'VAULT_DIFFERS', 'chain:vault', books.vaultWei, vaultWei),
    enough('payouts', 'VAULT_SHORT', 'chain:vault', books.vaultWei, chain.vaultHeldWei),
    equal('payouts', 'DISTRIBUTOR_DIFFERS', 'chain:distributor', books.distributorWei, distributorWei),
    enough(
      'payouts',
      'DISTRIBUTOR_SHORT',
      'chain:distributor',
      books.distributorWei + chain.distributorBondedWei,
      chain.distributorHeldWei,
    ),
    enough('payouts', 'ROOT_UNDERFUNDED', 'chain:distributor', owedWei, chain.distributorHeldWei),
    equal(
      'vouchers',
      'ESCROW_DIFFERS',
      'chain:escrow',
      books.escrowWei,
      books.vouchersWei - chain.escrowSettledWei,
    ),
    enough('vouchers', 'VOUCHERS_OVERCLAIMED', 'chain:escrow', chain.escrowClaimedWei, books.vouchersWei),
    enough('vouchers', 'ESCROW_SHORT', 'chain:escrow', books.escrowWei, chain.escrowHeldWei),
    enough('payouts', 'STAKES_SHORT', 'stakes', chain.stakesOwedWei, chain.stakesHeldWei),
    enough('payouts', 'SUPPLY_GREW', 'token', chain.supplyWei, lastSupplyWei),
  ];
  return checks.filter((found) => found !== undefined);
}

function equal(
  freezes: Found['freezes'],
  code: string,
  subject: string,
  expectedWei: bigint,
  actualWei: bigint,
): Found | undefined {
  if (expectedWei === actualWei) return undefined;
  return { freezes, code, subject, expected: expectedWei.toString(), actual: actualWei.toString() };
}

function enough(
  freezes: Found['freezes'],
  code: string,
  subject: string,
  neededWei: bigint,
  heldWei: bigint,
): Found | undefined {
  if (heldWei >= neededWei) return undefined;
  return { freezes, code, subject, expected: `at least ${neededWei}`, actual: heldWei.toString() };
}
