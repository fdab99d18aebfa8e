import { type PrepaidVault, STAKE_POOLS, type StakeRegistry } from '@openledger/onchain';
import type { ContractCall } from '../../application/epochs/epoch-ports.js';
import { StakerPayout } from '../../application/epochs/pay-stakers.js';

/** The stake registry, paid by the vault. */
export class RegistryStakers extends StakerPayout {
  constructor(
    private readonly vault: PrepaidVault,
    private readonly registry: StakeRegistry,
  ) {
    super();
  }

  async ready(): Promise<boolean> {
    if (!(await this.vault.isDistributor(this.registry.address))) return false;
    const pools = await Promise.all(STAKE_POOLS.map((pool) => this.registry.poolOf(pool)));
    return pools.some(({ stakedWei }) => stakedWei > 0n);
  }

  fund(amountWei: bigint): ContractCall {
    return this.vault.fund(this.registry.address, amountWei);
  }

  notify(): ContractCall {
    return this.registry.notifyHeld();
  }
}
