/** One wallet's leaf: everything it ever earned, in wei. */
export interface Leaf {
  readonly wallet: string;
  readonly totalWei: bigint;
}

/** Adds what accrued to what was promised before. Leaves never fall, and come out sorted by wallet. */
export function nextLeaves(previous: readonly Leaf[], accrued: readonly Leaf[]): Leaf[] {
  const totals = new Map(previous.map((leaf) => [leaf.wallet.toLowerCase(), leaf.totalWei]));
  for (const { wallet, totalWei } of accrued) {
    const key = wallet.toLowerCase();
    totals.set(key, (totals.get(key) ?? 0n) + totalWei);
  }
  return [...totals]
    .filter(([, totalWei]) => totalWei > 0n)
    .map(([wallet, totalWei]) => ({ wallet, totalWei }))
    .sort((a, b) => (a.wallet < b.wallet ? -1 : a.wallet > b.wallet ? 1 : 0));
}
