import {
  CumulativeTree,
  type ParamRegistry,
  type PrepaidVault,
  type RewardsDistributor,
  verifyProof,
} from '@openledger/onchain';
import {
  type ContractCall,
  type Epoch,
  type LeafTree,
  PayoutContracts,
  type RootStanding,
} from '../../application/epochs/epoch-ports.js';
import type { Leaf } from '../../domain/epochs/epoch.js';

/** The vault and the distributor of one deployment. */
export class EthereumPayoutContracts extends PayoutContracts {
  constructor(
    private readonly vault: PrepaidVault,
    private readonly distributor: RewardsDistributor,
    /** Without it every wei is paid. */
    private readonly params?: ParamRegistry,
  ) {
    super();
  }

  fund(amountWei: bigint): ContractCall {
    return this.vault.fund(this.distributor.address, amountWei);
  }

  postRoot(epoch: Pick<Epoch, 'epoch' | 'root' | 'totalWei' | 'manifest'>): ContractCall {
    return this.distributor.postRoot(epoch);
  }

  async minPayoutWei(): Promise<bigint> {
    return this.params === undefined ? 0n : (await this.params.current()).minPayoutWei;
  }

  vaultWei(): Promise<bigint> {
    return this.vault.heldWei();
  }

  async rootStanding(epoch: number): Promise<RootStanding> {
    const [claimable, { activatedAtS }] = await Promise.all([
      this.distributor.isActive(epoch),
      this.distributor.rootOf(epoch),
    ]);
    return { claimable, activeAt: new Date(activatedAtS * 1_000) };
  }

  tree(leaves: readonly Leaf[]): Promise<LeafTree> {
    return CumulativeTree.build(leaves.map(toCumulative));
  }

  proves(root: string, leaf: Leaf, proof: readonly string[]): boolean {
    return verifyProof(root, toCumulative(leaf), proof);
  }
}

const toCumulative = (leaf: Leaf) => ({ account: leaf.wallet, totalWei: leaf.totalWei });
