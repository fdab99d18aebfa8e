import type { Provider } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { rewardsDistributorArtifact } from './generated/rewards-distributor.js';

/** What the distributor recorded for an epoch. */
export interface PostedRoot {
  readonly root: string;
  readonly totalWei: bigint;
  readonly manifest: string;
  readonly activatedAtS: number;
}

/** One epoch's cumulative root, as `postRoot` takes it. */
export interface EpochRoot {
  readonly epoch: number;
  readonly root: string;
  readonly totalWei: bigint;
  /** 0x-prefixed hash of the published calculation behind the root. */
  readonly manifest: string;
}

/** Everything that `claim` needs. */
export interface ClaimArguments {
  readonly epoch: number;
  readonly account: string;
  readonly totalWei: bigint;
  readonly proof: readonly string[];
}

/** A claim was paid; `amountWei` is what moved, `cumulativeWei` what the account has been paid in all. */
export interface Claimed {
  readonly epoch: number;
  readonly account: string;
  readonly amountWei: bigint;
  readonly cumulativeWei: bigint;
}

/** Where contributors claim what their leaf says, less what they were paid before. */
export class RewardsDistributor extends DeployedContract {
  readonly claimedTopic = this.topicOf('Claimed');

  constructor(address: string, provider: Provider) {
    super(address, provider, rewardsDistributorArtifact.abi);
  }

  async lastEpoch(): Promise<number> {
    return Number((await this.read('lastEpoch'))[0]);
  }

  async totalClaimed(): Promise<bigint> {
    return BigInt((await this.read('totalClaimed'))[0]);
  }

  async claimedBy(account: string): Promise<bigint> {
    return BigInt((await this.read('claimed', [account]))[0]);
  }

  async rootOf(epoch: number): Promise<PostedRoot> {
    const values = await this.read('roots', [epoch]);
    return {
      root: String(values[0]),
      totalWei: BigInt(values[1]),
      manifest: String(values[2]),
      activatedAtS: Number(values[3]),
    };
  }

  postRoot(root: EpochRoot): PreparedCall {
    return this.prepare('postRoot', [root.epoch, root.root, root.totalWei, root.manifest]);
  }

  claim(claim: ClaimArguments): PreparedCall {
    return this.prepare('claim', [claim.epoch, claim.account, claim.totalWei, claim.proof]);
  }

  pause(): PreparedCall {
    return this.prepare('pause', []);
  }

  unpause(): PreparedCall {
    return this.prepare('unpause', []);
  }

  decodeClaimed(log: ChainLog): Claimed {
    const values = this.decode('Claimed', log);
    return {
      epoch: Number(values[0]),
      account: String(values[1]),
      amountWei: BigInt(values[2]),
      cumulativeWei: BigInt(values[3]),
    };
  }
}
