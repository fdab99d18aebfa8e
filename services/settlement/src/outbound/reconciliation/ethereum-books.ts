import {
  InferenceEscrow,
  OpenToken,
  PrepaidVault,
  RewardsDistributor,
  STAKE_POOLS,
  StakeRegistry,
} from '@openledger/onchain';
import type { Provider, TransactionRequest } from 'ethers';
import { ChainBooks, type ChainSums } from '../../application/reconciliation/reconcile-ports.js';

export interface BookAddresses {
  readonly chainId: number;
  readonly token: string;
  readonly vault: string;
  readonly distributor: string;
  readonly escrow: string;
  readonly stakeRegistry: string;
}

/** Wallets that are asked about at the same time. */
const CALLS_AT_ONCE = 16;

/** The contracts of one deployment as of a block. */
export class EthereumBooks extends ChainBooks {
  constructor(
    private readonly provider: Provider,
    private readonly at: BookAddresses,
  ) {
    super();
  }

  async sums(block: number): Promise<ChainSums> {
    const { at } = this;
    const provider = asOf(this.provider, block);
    const token = new OpenToken(at.token, provider);
    const vault = new PrepaidVault(at.vault, provider);
    const distributor = new RewardsDistributor(at.distributor, provider);
    const escrow = new InferenceEscrow(at.escrow, provider, at.chainId);
    const [supplyWei, vaultHeldWei, vaultDepositedWei, vaultFundedWei] = await Promise.all([
      token.totalSupply(),
      token.balanceOf(at.vault),
      vault.totalDeposited(),
      vault.totalFunded(),
    ]);
    const [distributorHeldWei, distributorClaimedWei, distributorBondedWei, escrowHeldWei, ours] =
      await Promise.all([
        token.balanceOf(at.distributor),
        distributor.totalClaimed(),
        distributor.bonded(),
        token.balanceOf(at.escrow),
        escrow.receiver(at.vault, at.token),
      ]);
    return {
      supplyWei,
      vaultHeldWei,
      vaultDepositedWei,
      vaultFundedWei,
      distributorHeldWei,
      distributorClaimedWei,
      distributorBondedWei,
      escrowHeldWei,
      escrowClaimedWei: ours.claimedWei,
      escrowSettledWei: ours.settledWei,
      stakesHeldWei: await token.balanceOf(at.stakeRegistry),
      stakesOwedWei: await stakesOwed(new StakeRegistry(at.stakeRegistry, provider)),
    };
  }

  async claimedBy(wallets: readonly string[], block: number): Promise<bigint[]> {
    const distributor = new RewardsDistributor(this.at.distributor, asOf(this.provider, block));
    const claimed: bigint[] = [];
    for (let at = 0; at < wallets.length; at += CALLS_AT_ONCE) {
      const some = wallets.slice(at, at + CALLS_AT_ONCE);
      claimed.push(...(await Promise.all(some.map((wallet) => distributor.claimedBy(wallet)))));
    }
    return claimed;
  }
}

async function stakesOwed(registry: StakeRegistry): Promise<bigint> {
  const pools = await Promise.all(STAKE_POOLS.map((pool) => registry.poolOf(pool)));
  return pools.reduce(
    (sum, pool) => sum + pool.stakedWei + pool.unbondingWei + pool.rewardedWei - pool.paidWei,
    0n,
  );
}

/** The same provider, whose calls all see one block. */
const asOf = (provider: Provider, block: number): Provider =>
  new Proxy(provider, {
    get(target, name) {
      if (name === 'call') return (call: TransactionRequest) => target.call({ ...call, blockTag: block });
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
