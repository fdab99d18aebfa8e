/** An anchor of manifests of ledger epochs, `from` and `to` included. */
export interface ManifestAnchor {
  readonly from: number;
  readonly to: number;
  /** Of the epochs' manifests; 0x-prefixed. */
  readonly root: string;
  /** That of epoch `to`, which is chained to all before it; SHA-256 without a prefix. */
  readonly manifest: string;
}

/** What an anchor covers: one closed ledger epoch. */
export interface AnchoredManifest {
  readonly ledgerEpoch: number;
  readonly manifest: string;
}

/** Positions of the stream begin at 0, ledger epochs at 1. */
export const positionOf = (ledgerEpoch: number): number => ledgerEpoch - 1;
