import { CumulativeTree, type PrepaidVault, type RewardsDistributor } from '@openledger/onchain';
import { type ContractCall, type Epoch, type LeafTree, PayoutContracts } from '../application/epoch-ports.js';
import type { Leaf } from '../domain/epoch.js';

/** The vault and the distributor of one deployment. */
export class EthereumPayoutContracts extends PayoutContracts {
  constructor(
    private readonly vault: PrepaidVault,
    private readonly distributor: RewardsDistributor,
  ) {
    super();
  }

  fund(amountWei: bigint): ContractCall {
    return this.vault.fund(this.distributor.address, amountWei);
  }

  postRoot(epoch: Pick<Epoch, 'epoch' | 'root' | 'totalWei' | 'manifest'>): ContractCall {
    return this.distributor.postRoot(epoch);
  }

  tree(leaves: readonly Leaf[]): LeafTree {
    return CumulativeTree.of(leaves.map((leaf) => ({ account: leaf.wallet, totalWei: leaf.totalWei })));
  }
}
