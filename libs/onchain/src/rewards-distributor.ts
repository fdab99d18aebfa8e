import type { Provider } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { rewardsDistributorArtifact } from './generated/rewards-distributor.js';

/** What the distributor recorded for an epoch. */
export interface PostedRoot {
  readonly root: string;
  readonly totalWei: bigint;
  readonly manifest: string;
  readonly activatedAtS: number;
  /** The open challenge against it; 0 for none. */
  readonly challenge: number;
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
  /** The account, or whom it named. */
  readonly recipient: string;
  readonly amountWei: bigint;
  readonly cumulativeWei: bigint;
}

/** What a challenger contests. */
export interface ChallengeArguments {
  readonly epoch: number;
  readonly root: string;
  /** 0x-prefixed hash of the challenger's published recalculation. */
  readonly evidence: string;
}

/** A challenge as the distributor holds it. */
export interface RootChallenge {
  readonly challenger: string;
  /** 0 once it was given back or lost. */
  readonly bondWei: bigint;
  readonly epoch: number;
  readonly decideByS: number;
}

/** What an event of the distributor says, beside `Claimed`. */
export type DistributorEvent =
  | (EpochRoot & { readonly kind: 'posted'; readonly activatedAtS: number })
  | { readonly kind: 'confirmed'; readonly epoch: number; readonly root: string }
  /** The roots from `firstEpoch` to `lastEpoch` never pay; `firstEpoch` is posted again next. */
  | { readonly kind: 'disabled'; readonly firstEpoch: number; readonly lastEpoch: number }
  | (ChallengeArguments & RootChallenge & { readonly kind: 'challenge-opened'; readonly id: number })
  | {
      readonly kind: 'challenge-closed';
      readonly id: number;
      /** Whether the root was disabled. */
      readonly upheld: boolean;
      /** False where the council let the time pass, or the root fell with an earlier one. */
      readonly decided: boolean;
      readonly recipient: string;
      readonly bondWei: bigint;
    };

/** Where contributors claim what their leaf says, less what they were paid before. */
export class RewardsDistributor extends DeployedContract {
  readonly claimedTopic = this.topicOf('Claimed');
  /** Topics of everything that {@link RewardsDistributor.decodeEvent} reads. */
  readonly eventTopics: readonly string[];
  private readonly decoders: ReadonlyMap<string, (log: ChainLog) => DistributorEvent>;

  constructor(address: string, provider: Provider) {
    super(address, provider, rewardsDistributorArtifact.abi);
    this.decoders = new Map([
      [this.topicOf('RootPosted'), (log) => this.decodePosted(log)],
      [this.topicOf('RootConfirmed'), (log) => this.decodeConfirmed(log)],
      [this.topicOf('RootsDisabled'), (log) => this.decodeDisabled(log)],
      [this.topicOf('ChallengeOpened'), (log) => this.decodeChallengeOpened(log)],
      [this.topicOf('ChallengeClosed'), (log) => this.decodeChallengeClosed(log)],
    ]);
    this.eventTopics = [...this.decoders.keys()];
  }

  async lastEpoch(): Promise<number> {
    return Number((await this.read('lastEpoch'))[0]);
  }

  /** Roots up to this one may pay as far as the second party is concerned. */
  async confirmedEpoch(): Promise<number> {
    return Number((await this.read('confirmedEpoch'))[0]);
  }

  /** The second party; the zero address where there is none. */
  async confirmer(): Promise<string> {
    return String((await this.read('confirmer'))[0]);
  }

  async totalClaimed(): Promise<bigint> {
    return BigInt((await this.read('totalClaimed'))[0]);
  }

  /** Bonds held; no root may promise them. */
  async bonded(): Promise<bigint> {
    return BigInt((await this.read('bonded'))[0]);
  }

  async challengeBond(): Promise<bigint> {
    return BigInt((await this.read('challengeBond'))[0]);
  }

  async claimedBy(account: string): Promise<bigint> {
    return BigInt((await this.read('claimed', [account]))[0]);
  }

  /** Whether claims against the epoch's root are paid now. */
  async isActive(epoch: number): Promise<boolean> {
    return Boolean((await this.read('isActive', [epoch]))[0]);
  }

  /** What was posted last under the number, disabled or not: compare with `lastEpoch`. */
  async rootOf(epoch: number): Promise<PostedRoot> {
    const values = await this.read('roots', [epoch]);
    return {
      root: String(values[0]),
      manifest: String(values[1]),
      totalWei: BigInt(values[2]),
      activatedAtS: Number(values[3]),
      challenge: Number(values[4]),
    };
  }

  async challengeOf(id: number): Promise<RootChallenge> {
    const values = await this.read('challenges', [id]);
    return {
      challenger: String(values[0]),
      bondWei: BigInt(values[1]),
      epoch: Number(values[2]),
      decideByS: Number(values[3]),
    };
  }

  postRoot(root: EpochRoot): PreparedCall {
    return this.prepare('postRoot', [root.epoch, root.root, root.totalWei, root.manifest]);
  }

  /** By the second party that recomputed the root, where one is named. */
  confirmRoot(epoch: number, root: string): PreparedCall {
    return this.prepare('confirmRoot', [epoch, root]);
  }

  claim(claim: ClaimArguments): PreparedCall {
    return this.prepare('claim', [claim.epoch, claim.account, claim.totalWei, claim.proof]);
  }

  /** Names who receives the sender's claims. */
  setClaimer(claimer: string): PreparedCall {
    return this.prepare('setClaimer', [claimer]);
  }

  /** Needs an allowance of `challengeBond`. */
  challengeRoot(challenge: ChallengeArguments): PreparedCall {
    return this.prepare('challengeRoot', [challenge.epoch, challenge.root, challenge.evidence]);
  }

  resolveChallenge(id: number, upheld: boolean): PreparedCall {
    return this.prepare('resolveChallenge', [id, upheld]);
  }

  expireChallenge(id: number): PreparedCall {
    return this.prepare('expireChallenge', [id]);
  }

  reclaimBond(id: number): PreparedCall {
    return this.prepare('reclaimBond', [id]);
  }

  /** Disables a root that is not active, and all after it. */
  disableRoot(epoch: number): PreparedCall {
    return this.prepare('disableRoot', [epoch]);
  }

  setPoster(poster: string): PreparedCall {
    return this.prepare('setPoster', [poster]);
  }

  setConfirmer(confirmer: string): PreparedCall {
    return this.prepare('setConfirmer', [confirmer]);
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
      recipient: String(values[2]),
      amountWei: BigInt(values[3]),
      cumulativeWei: BigInt(values[4]),
    };
  }

  /** Undefined for a log of another kind. */
  decodeEvent(log: ChainLog): DistributorEvent | undefined {
    return this.decoders.get(log.topics[0] ?? '')?.(log);
  }

  private decodePosted(log: ChainLog): DistributorEvent {
    const values = this.decode('RootPosted', log);
    return {
      kind: 'posted',
      epoch: Number(values[0]),
      root: String(values[1]),
      totalWei: BigInt(values[2]),
      manifest: String(values[3]),
      activatedAtS: Number(values[4]),
    };
  }

  private decodeConfirmed(log: ChainLog): DistributorEvent {
    const values = this.decode('RootConfirmed', log);
    return { kind: 'confirmed', epoch: Number(values[0]), root: String(values[1]) };
  }

  private decodeDisabled(log: ChainLog): DistributorEvent {
    const values = this.decode('RootsDisabled', log);
    return { kind: 'disabled', firstEpoch: Number(values[0]), lastEpoch: Number(values[1]) };
  }

  private decodeChallengeOpened(log: ChainLog): DistributorEvent {
    const values = this.decode('ChallengeOpened', log);
    return {
      kind: 'challenge-opened',
      id: Number(values[0]),
      epoch: Number(values[1]),
      challenger: String(values[2]),
      root: String(values[3]),
      evidence: String(values[4]),
      bondWei: BigInt(values[5]),
      decideByS: Number(values[6]),
    };
  }

  private decodeChallengeClosed(log: ChainLog): DistributorEvent {
    const values = this.decode('ChallengeClosed', log);
    return {
      kind: 'challenge-closed',
      id: Number(values[0]),
      upheld: Boolean(values[1]),
      decided: Boolean(values[2]),
      recipient: String(values[3]),
      bondWei: BigInt(values[4]),
    };
  }
}
