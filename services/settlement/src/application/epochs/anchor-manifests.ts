import { DomainError } from '@openledger/kernel';
import { ANCHOR_PURPOSE } from '../../domain/chain/purpose.js';
import type { SettlementStore } from '../ports.js';
import type { AnchorContracts } from './anchor-ports.js';

/** Manifests under one root at most: more wait for the next pass. */
const MANIFESTS_MAX = 1_000;

/**
 * Puts a root of what was attributed on chain as soon as it is final, whether or not anybody is paid from it: from then on
 * neither we nor a thief of our database can tell another story.
 */
export class AnchorManifests {
  constructor(
    private readonly store: SettlementStore,
    private readonly contracts: AnchorContracts,
    /** The key that sends. */
    private readonly sender: string,
  ) {}

  /**
   * True when an anchor was queued. Does nothing where another key publishes.
   * @throws DomainError ANCHORS_DIVERGED when the chain has anchors that the books do not know
   */
  async run(): Promise<boolean> {
    const publisher = await this.contracts.publisher();
    if (publisher.toLowerCase() !== this.sender.toLowerCase()) return false;
    const next = await this.contracts.next();
    return this.store.transaction(async (tx) => {
      const manifests = await tx.anchors.unanchored(MANIFESTS_MAX);
      const [first] = manifests;
      const last = manifests.at(-1);
      if (!first || !last) return false;
      if (next > first.ledgerEpoch) {
        throw new DomainError(
          'conflict',
          'ANCHORS_DIVERGED',
          `ledger epoch ${first.ledgerEpoch} is to be anchored, the registry goes on at ${next}`,
        );
      }
      const anchor = {
        from: first.ledgerEpoch,
        to: last.ledgerEpoch,
        root: this.contracts.rootOf(manifests),
        manifest: last.manifest,
      };
      const purpose = `${ANCHOR_PURPOSE}:${anchor.from}`;
      await tx.anchors.save(anchor, purpose);
      await tx.chain.enqueue({ purpose, call: this.contracts.anchor(anchor) });
      return true;
    });
  }
}
