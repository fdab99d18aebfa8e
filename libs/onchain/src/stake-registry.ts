import type { Provider } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { stakeRegistryArtifact } from './generated/stake-registry.js';

/** Who stakes; the order is the contract's enumeration. */
export const STAKE_POOLS = ['validators', 'node-operators'] as const;
export type StakePool = (typeof STAKE_POOLS)[number];

/** The sums of a pool, in wei. */
export interface StakePoolTotals {
  readonly stakedWei: bigint;
  readonly unbondingWei: bigint;
  readonly rewardedWei: bigint;
  readonly paidWei: bigint;
}

/** What an account holds in a pool, in wei. */
export interface StakePosition {
  readonly stakedWei: bigint;
  readonly unbondingWei: bigint;
  /** Rewards earned and not paid out. */
  readonly owedWei: bigint;
  /** What open proposals of slashes may still take. */
  readonly lockedWei: bigint;
}

/** Part of a stake on its way out. */
export interface StakeUnbonding {
  readonly amountWei: bigint;
  readonly availableAtS: number;
}

/** A slash to propose. */
export interface SlashProposal {
  readonly pool: StakePool;
  readonly account: string;
  readonly amountWei: bigint;
  /** 0x-prefixed hash of the published evidence; counts once an account. */
  readonly offence: string;
}

/** What an event of the registry says. Amounts are what moved, or will. */
export type StakeEvent =
  | {
      readonly kind: 'staked' | 'withdrawn' | 'reward-notified' | 'reward-paid';
      readonly pool: StakePool;
      readonly account: string;
      readonly amountWei: bigint;
    }
  | {
      readonly kind: 'unbonding';
      readonly pool: StakePool;
      readonly account: string;
      readonly amountWei: bigint;
      readonly availableAtS: number;
    }
  | (SlashProposal & {
      readonly kind: 'slash-proposed';
      readonly id: number;
      readonly requestedWei: bigint;
      readonly executableAtS: number;
    })
  | { readonly kind: 'slash-vetoed'; readonly id: number }
  | {
      readonly kind: 'slashed';
      readonly id: number;
      readonly pool: StakePool;
      readonly account: string;
      readonly fromStakeWei: bigint;
      readonly fromUnbondingWei: bigint;
    };

const AMOUNT_EVENTS = {
  Staked: 'staked',
  Withdrawn: 'withdrawn',
  RewardNotified: 'reward-notified',
  RewardPaid: 'reward-paid',
} as const;

/** Stakes of validators and node operators, their part of the fees, and slashes. */
export class StakeRegistry extends DeployedContract {
  /** Topics of everything that {@link StakeRegistry.decodeEvent} reads. */
  readonly eventTopics: readonly string[];
  private readonly decoders: ReadonlyMap<string, (log: ChainLog) => StakeEvent>;

  constructor(address: string, provider: Provider) {
    super(address, provider, stakeRegistryArtifact.abi);
    const decoders = new Map<string, (log: ChainLog) => StakeEvent>([
      [this.topicOf('UnbondingStarted'), (log) => this.decodeUnbonding(log)],
      [this.topicOf('SlashProposed'), (log) => this.decodeProposed(log)],
      [this.topicOf('SlashVetoed'), (log) => this.decodeVetoed(log)],
      [this.topicOf('Slashed'), (log) => this.decodeSlashed(log)],
    ]);
    for (const [name, kind] of Object.entries(AMOUNT_EVENTS)) {
      decoders.set(this.topicOf(name), (log) => {
        const values = this.decode(name, log);
        return {
          kind,
          pool: poolAt(values[0]),
          account: String(values[1]),
          amountWei: BigInt(values[2]),
        };
      });
    }
    this.decoders = decoders;
    this.eventTopics = [...decoders.keys()];
  }

  async poolOf(pool: StakePool): Promise<StakePoolTotals> {
    const [values] = await this.read('poolOf', [indexOf(pool)]);
    return {
      stakedWei: BigInt(values[0]),
      unbondingWei: BigInt(values[1]),
      rewardedWei: BigInt(values[3]),
      paidWei: BigInt(values[4]),
    };
  }

  async positionOf(pool: StakePool, account: string): Promise<StakePosition> {
    const [values] = await this.read('positionOf', [indexOf(pool), account]);
    return {
      stakedWei: BigInt(values[0]),
      unbondingWei: BigInt(values[1]),
      owedWei: BigInt(values[3]),
      lockedWei: BigInt(values[4]),
    };
  }

  /** Oldest first. */
  async unbondingsOf(pool: StakePool, account: string): Promise<StakeUnbonding[]> {
    const [entries] = await this.read('unbondingsOf', [indexOf(pool), account]);
    return Array.from(entries as Iterable<readonly [bigint, bigint]>, ([amountWei, availableAt]) => ({
      amountWei: BigInt(amountWei),
      availableAtS: Number(availableAt),
    }));
  }

  /** Needs an allowance of the amount. */
  stake(pool: StakePool, amountWei: bigint): PreparedCall {
    return this.prepare('stake', [indexOf(pool), amountWei]);
  }

  unbond(pool: StakePool, amountWei: bigint): PreparedCall {
    return this.prepare('unbond', [indexOf(pool), amountWei]);
  }

  withdraw(pool: StakePool): PreparedCall {
    return this.prepare('withdraw', [indexOf(pool)]);
  }

  /** Needs an allowance of the amount; refused while nobody stakes. */
  notifyReward(pool: StakePool, amountWei: bigint): PreparedCall {
    return this.prepare('notifyReward', [indexOf(pool), amountWei]);
  }

  /** Shares what was sent by a plain transfer among the stakes of all pools. */
  notifyHeld(): PreparedCall {
    return this.prepare('notifyHeld', []);
  }

  claimReward(pool: StakePool): PreparedCall {
    return this.prepare('claimReward', [indexOf(pool)]);
  }

  proposeSlash(proposal: SlashProposal): PreparedCall {
    const { pool, account, amountWei, offence } = proposal;
    return this.prepare('proposeSlash', [indexOf(pool), account, amountWei, offence]);
  }

  vetoSlash(id: number): PreparedCall {
    return this.prepare('vetoSlash', [id]);
  }

  executeSlash(id: number): PreparedCall {
    return this.prepare('executeSlash', [id]);
  }

  pause(): PreparedCall {
    return this.prepare('pause', []);
  }

  unpause(): PreparedCall {
    return this.prepare('unpause', []);
  }

  /** Undefined for a log of another kind. */
  decodeEvent(log: ChainLog): StakeEvent | undefined {
    return this.decoders.get(log.topics[0] ?? '')?.(log);
  }

  private decodeUnbonding(log: ChainLog): StakeEvent {
    const values = this.decode('UnbondingStarted', log);
    return {
      kind: 'unbonding',
      pool: poolAt(values[0]),
      account: String(values[1]),
      amountWei: BigInt(values[2]),
      availableAtS: Number(values[3]),
    };
  }

  private decodeProposed(log: ChainLog): StakeEvent {
    const values = this.decode('SlashProposed', log);
    return {
      kind: 'slash-proposed',
      id: Number(values[0]),
      pool: poolAt(values[1]),
      account: String(values[2]),
      offence: String(values[3]),
      requestedWei: BigInt(values[4]),
      amountWei: BigInt(values[5]),
      executableAtS: Number(values[6]),
    };
  }

  private decodeVetoed(log: ChainLog): StakeEvent {
    return { kind: 'slash-vetoed', id: Number(this.decode('SlashVetoed', log)[0]) };
  }

  private decodeSlashed(log: ChainLog): StakeEvent {
    const values = this.decode('Slashed', log);
    return {
      kind: 'slashed',
      id: Number(values[0]),
      pool: poolAt(values[1]),
      account: String(values[2]),
      fromStakeWei: BigInt(values[3]),
      fromUnbondingWei: BigInt(values[4]),
    };
  }
}

function indexOf(pool: StakePool): number {
  return STAKE_POOLS.indexOf(pool);
}

function poolAt(index: unknown): StakePool {
  const pool = STAKE_POOLS[Number(index)];
  if (!pool) throw new Error(`the registry has no pool ${String(index)}`);
  return pool;
}
