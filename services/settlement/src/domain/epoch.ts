import { canonicalJson, sha256 } from '@openledger/kernel';

/** One wallet's leaf: everything it ever earned, in wei. */
export interface Leaf {
  readonly wallet: string;
  readonly totalWei: bigint;
}

export interface EpochFacts {
  readonly epoch: number;
  readonly previousRoot: string;
  readonly root: string;
  readonly totalWei: bigint;
  readonly leaves: readonly Leaf[];
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

/** 0x-prefixed SHA-256 of the canonical facts: what a root commits to beside its leaves. */
export function manifestHash(facts: EpochFacts): string {
  const leaves = facts.leaves.map((leaf) => [leaf.wallet, leaf.totalWei.toString()]);
  return `0x${sha256(
    canonicalJson({
      epoch: facts.epoch,
      leafCount: facts.leaves.length,
      leavesSha256: sha256(canonicalJson(leaves)),
      previousRoot: facts.previousRoot,
      root: facts.root,
      totalWei: facts.totalWei.toString(),
    }),
  )}`;
}
