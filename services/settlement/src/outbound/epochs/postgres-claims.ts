import { DomainError, invariant } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import type { Epoch, LeafTree, PayoutContracts } from '../../application/epochs/epoch-ports.js';
import type { EpochRecords } from '../../application/epochs/manifest-ports.js';
import type { WalletClaim } from '../../application/queries.js';
import { type EpochRow, toEpoch } from './epoch-row.js';

/** More roots than this never wait for their activation: the distributor refuses them. */
const PENDING_MAX = 33;

/** Proofs against the newest root that the distributor pays by. Its tree is kept, because every proof needs it. */
export class PostgresClaims {
  private paying: { readonly root: string; readonly tree: Promise<LeafTree> } | undefined;
  private claimableUpTo = 0;

  constructor(
    private readonly database: Database,
    private readonly records: EpochRecords,
    private readonly contracts: PayoutContracts,
  ) {}

  /**
   * @param paidWei what the wallet has claimed
   * @throws DomainError CLAIM_NOT_ACTIVE where the first root with a leaf of the wallet does not pay yet
   */
  async of(wallet: string, paidWei: bigint): Promise<WalletClaim | undefined> {
    const { paying, next } = await this.standing();
    const pending = next && (await this.pendingOf(next, wallet));
    const claim = paying && (await this.proven(paying, wallet));
    if (claim) return { ...claim, claimedWei: paidWei, ...(pending ? { next: pending } : {}) };
    if (!pending) return undefined;
    throw new DomainError('precondition', 'CLAIM_NOT_ACTIVE', 'the root with this share does not pay yet', {
      details: {
        epoch: pending.epoch,
        totalWei: pending.totalWei.toString(),
        activeAt: pending.activeAt.toISOString(),
      },
    });
  }

  private async proven(epoch: Epoch, wallet: string): Promise<Omit<WalletClaim, 'claimedWei'> | undefined> {
    const tree = await this.treeOf(epoch);
    const totalWei = tree.totalOf(wallet);
    const proof = tree.proofOf(wallet);
    if (totalWei === undefined || proof === undefined) return undefined;
    const holds = tree.root === epoch.root && this.contracts.proves(epoch.root, { wallet, totalWei }, proof);
    // Nobody is offered what the contract would refuse.
    invariant(holds, `the proof of ${wallet} leads to the root of epoch ${epoch.epoch}`);
    return { epoch: epoch.epoch, wallet, totalWei, proof };
  }

  /** The newest root that pays, and the newest of those that will. */
  private async standing(): Promise<{ paying?: Epoch; next?: Epoch & { activeAt: Date } }> {
    const rows = await this.database.query<EpochRow>(
      "SELECT * FROM epoch WHERE state = 'active' ORDER BY epoch DESC LIMIT $1",
      [PENDING_MAX],
    );
    let next: (Epoch & { activeAt: Date }) | undefined;
    for (const epoch of rows.map(toEpoch)) {
      const standing = epoch.epoch <= this.claimableUpTo || (await this.contracts.rootStanding(epoch.epoch));
      if (standing === true || standing.claimable) {
        this.claimableUpTo = Math.max(this.claimableUpTo, epoch.epoch);
        return { paying: epoch, ...(next ? { next } : {}) };
      }
      next ??= { ...epoch, activeAt: standing.activeAt };
    }
    return next ? { next } : {};
  }

  private async pendingOf(epoch: Epoch & { activeAt: Date }, wallet: string) {
    const [row] = await this.database.query<{ total: string }>(
      'SELECT total FROM epoch_leaf WHERE epoch = $1 AND wallet = $2',
      [epoch.epoch, wallet.toLowerCase()],
    );
    return row && { epoch: epoch.epoch, totalWei: BigInt(row.total), activeAt: epoch.activeAt };
  }

  private treeOf(epoch: Epoch): Promise<LeafTree> {
    if (this.paying?.root !== epoch.root) {
      const tree = this.records.leaves(epoch.epoch).then((leaves) => this.contracts.tree(leaves));
      this.paying = { root: epoch.root, tree };
      tree.catch(() => (this.paying = undefined));
    }
    return this.paying.tree;
  }
}
