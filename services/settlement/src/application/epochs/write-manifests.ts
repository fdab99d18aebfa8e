import { invariant } from '@openledger/kernel';
import type { Leaf } from '../../domain/epochs/epoch.js';
import {
  type ChainLine,
  type LedgerLine,
  MANIFEST_VERSION,
  NO_MANIFEST,
} from '../../domain/epochs/manifest.js';
import type { Epoch } from './epoch-ports.js';
import type { ClosedLedgerEpoch, EpochRecords, ManifestStore } from './manifest-ports.js';

const NO_ROOT = `0x${'0'.repeat(64)}`;

/** Where roots are posted. */
export interface DistributorFacts {
  readonly chainId: number;
  readonly address: string;
}

/** Publishes what epochs were computed from. The same rows give the same bytes, so a crash costs nothing but the work. */
export class WriteManifests {
  constructor(
    private readonly records: EpochRecords,
    private readonly manifests: ManifestStore,
    private readonly distributor: DistributorFacts,
  ) {}

  /** Writes those of closed ledger epochs up to `last` that are missing, each chained to the one before. */
  async ledger(last: number): Promise<void> {
    for (const epoch of await this.records.unwritten(last)) {
      const before = await this.records.ledgerEpoch(epoch.ledgerEpoch - 1);
      const previous = before?.manifest ?? NO_MANIFEST;
      const manifest = await this.manifests.put(this.ledgerManifest(epoch, previous));
      await this.records.saveManifest(epoch.ledgerEpoch, manifest, previous);
    }
  }

  /** Writes that of a chain epoch; answers its hash as the contract keeps it. */
  async chain(
    epoch: Epoch,
    previous: Epoch | undefined,
    computed: { readonly root: string; readonly totalWei: bigint; readonly leaves: readonly Leaf[] },
  ): Promise<string> {
    const { ledgerFrom, ledgerTo } = epoch;
    invariant(ledgerFrom !== undefined && ledgerTo !== undefined, 'an epoch pays ledger epochs');
    const head: ChainLine = {
      kind: 'epoch',
      version: MANIFEST_VERSION,
      epoch: epoch.epoch,
      revision: epoch.revision,
      chainId: this.distributor.chainId,
      distributor: this.distributor.address.toLowerCase(),
      previousRoot: previous?.root ?? NO_ROOT,
      previousManifest: previous?.manifest ?? NO_ROOT,
      root: computed.root,
      totalWei: computed.totalWei.toString(),
      leaves: computed.leaves.length,
      ledgerFrom,
      ledgerTo,
    };
    const lines = this.records.chainLines(epoch, computed.leaves);
    return `0x${await this.manifests.put(headed<ChainLine>(head, lines))}`;
  }

  private ledgerManifest(epoch: ClosedLedgerEpoch, previous: string): AsyncIterable<LedgerLine> {
    const head: LedgerLine = {
      kind: 'ledger-epoch',
      version: MANIFEST_VERSION,
      ledgerEpoch: epoch.ledgerEpoch,
      openedAt: epoch.openedAt.toISOString(),
      closedAt: epoch.closedAt.toISOString(),
      previous,
    };
    return headed<LedgerLine>(head, this.records.ledgerLines(epoch.ledgerEpoch));
  }
}

async function* headed<T>(head: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield head;
  yield* rest;
}
