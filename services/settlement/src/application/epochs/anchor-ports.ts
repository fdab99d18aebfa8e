import type { AnchoredManifest, ManifestAnchor } from '../../domain/epochs/anchor.js';
import type { ContractCall } from './epoch-ports.js';

/** An anchor as it is listed. */
export interface ListedAnchor extends ManifestAnchor {
  readonly state: 'queued' | 'signed' | 'mined' | 'final' | 'failed';
  /** Of the newest attempt; absent while none was signed. */
  readonly transactionHash?: string;
}

/** Anchors that were queued for the chain. */
export interface AnchorBook {
  /** Manifests behind the last anchor, in order and without a gap; locks the book until commit. */
  unanchored(limit: number): Promise<AnchoredManifest[]>;
  save(anchor: ManifestAnchor, purpose: string): Promise<void>;
}

/** The registry of roots, without sending anything. */
export abstract class AnchorContracts {
  /** The key that may anchor. */
  abstract publisher(): Promise<string>;
  /** The first ledger epoch that is not anchored on chain. */
  abstract next(): Promise<number>;
  abstract rootOf(manifests: readonly AnchoredManifest[]): string;
  abstract anchor(anchor: ManifestAnchor): ContractCall;
}

export abstract class AnchorQueries {
  /** Newest first. */
  abstract anchors(limit: number): Promise<ListedAnchor[]>;
}
