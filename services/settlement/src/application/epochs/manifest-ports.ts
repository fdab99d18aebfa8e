import type { Leaf } from '../../domain/epochs/epoch.js';
import type { ChainLine, LedgerLine } from '../../domain/epochs/manifest.js';
import type { Epoch } from './epoch-ports.js';

export interface ClosedLedgerEpoch {
  readonly ledgerEpoch: number;
  readonly openedAt: Date;
  readonly closedAt: Date;
  /** Absent until it is written. */
  readonly manifest?: string;
}

/** What manifests are written from: rows that closing made final, so that they can be read at leisure and again. */
export abstract class EpochRecords {
  /** Those without a manifest up to `last`, oldest first. */
  abstract unwritten(last: number): Promise<ClosedLedgerEpoch[]>;
  abstract ledgerEpoch(epoch: number): Promise<ClosedLedgerEpoch | undefined>;
  abstract saveManifest(ledgerEpoch: number, manifest: string, previous: string): Promise<void>;
  /** Everything but the head, in the order of the format. */
  abstract ledgerLines(ledgerEpoch: number): AsyncIterable<LedgerLine>;
  abstract leaves(epoch: number): Promise<Leaf[]>;
  /** Everything but the head, in the order of the format; the leaves as given. */
  abstract chainLines(epoch: Epoch, leaves: readonly Leaf[]): AsyncIterable<ChainLine>;
}

/** Manifests by the SHA-256 of their bytes. */
export abstract class ManifestStore {
  /** Durable when it resolves; the same lines again change nothing. */
  abstract put(lines: AsyncIterable<LedgerLine | ChainLine>): Promise<string>;
  /** Undefined for one that is not there. */
  abstract read(manifest: string): Promise<AsyncIterable<Uint8Array> | undefined>;
}
