import { type RewardsDistributor, sendAndWait } from '@openledger/onchain';
import type { Signer } from 'ethers';
import { Confirmations } from '../../application/epochs/confirm-roots.js';

/** Signs and waits: a second party has nothing else to do. */
export class DistributorConfirmations extends Confirmations {
  constructor(
    private readonly distributor: RewardsDistributor,
    private readonly signer: Signer,
  ) {
    super();
  }

  confirmer(): Promise<string> {
    return this.distributor.confirmer();
  }

  async waiting(): Promise<{ from: number; to: number }> {
    const [confirmed, last] = await Promise.all([
      this.distributor.confirmedEpoch(),
      this.distributor.lastEpoch(),
    ]);
    return { from: confirmed + 1, to: last };
  }

  async confirm(epoch: number, root: string): Promise<void> {
    await sendAndWait(this.signer, this.distributor.confirmRoot(epoch, root));
  }
}
