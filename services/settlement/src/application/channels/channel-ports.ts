import type { ContractCall } from '../epochs/epoch-ports.js';

/** What a channel is, for ever: names as on the wire of x402 `batch-settlement`. */
export interface ChannelConfig {
  readonly payer: string;
  readonly payerAuthorizer: string;
  readonly receiver: string;
  readonly receiverAuthorizer: string;
  readonly token: string;
  /** In seconds. */
  readonly withdrawDelay: number;
  readonly salt: string;
}

/** A ceiling of everything ever claimed from a channel, signed by its payer's side. */
export interface Voucher {
  readonly config: ChannelConfig;
  readonly maxClaimableWei: bigint;
  readonly signature: string;
}

export interface ClaimRow extends Voucher {
  readonly totalClaimedWei: bigint;
}

/** What the newest block knows of a channel. */
export interface ChannelOnChain {
  /** Deposits less what was paid back. */
  readonly balanceWei: bigint;
  readonly claimedWei: bigint;
  readonly isWithdrawing: boolean;
  /** The key of the channel is revoked, or will be: its vouchers are worth nothing from then on. */
  readonly isRevoked: boolean;
}

/** The escrow, without sending anything. */
export abstract class ChannelContracts {
  /** Every channel that pays us has these. */
  abstract readonly receiver: string;
  abstract readonly receiverAuthorizer: string;
  abstract readonly token: string;
  abstract readonly chainId: number;
  /** @throws DomainError INVALID_CHANNEL */
  abstract idOf(config: ChannelConfig): string;
  /** Whom the salt names, if anybody. */
  abstract organisationOf(config: ChannelConfig): string | undefined;
  abstract state(channelId: string): Promise<ChannelOnChain>;
  /** @throws DomainError INVALID_VOUCHER_SIGNATURE, VOUCHER_SIGNER_REVOKED, VOUCHER_EXCEEDS_BALANCE, VOUCHER_REPLAYED */
  abstract check(voucher: Voucher): Promise<void>;
  abstract claim(rows: readonly ClaimRow[]): ContractCall;
  abstract settle(): ContractCall;
  /** Everything ever claimed for us, and what of it was sent. */
  abstract totals(): Promise<{ readonly claimedWei: bigint; readonly settledWei: bigint }>;
}

export interface Channel {
  readonly id: string;
  readonly organisationId: string;
  readonly voucher: Voucher;
  /** What the organisation was credited: at most the voucher. */
  readonly acceptedWei: bigint;
  readonly claimedWei: bigint;
  /** Why no further voucher is taken. */
  readonly frozen: string | undefined;
}

export interface AcceptedVoucher {
  readonly channelId: string;
  readonly maxClaimableWei: bigint;
  readonly increaseWei: bigint;
  readonly acceptedAt: Date;
  readonly state: 'accepted' | 'claimed' | 'frozen';
}

/** Channels that pay us, and their vouchers. */
export interface ChannelBook {
  find(channelId: string): Promise<Channel | undefined>;
  /** Makes it known where it is not, and locks it until commit. @throws DomainError CHANNEL_BUSY where another has it */
  lock(channelId: string, organisationId: string, config: ChannelConfig, now: Date): Promise<Channel>;
  /** Deposits less what was paid back, by the logs that count. */
  balanceOf(channelId: string): Promise<bigint>;
  /** Keeps a voucher that credits `increaseWei`; all it allows is credited. */
  accept(channelId: string, voucher: Voucher, increaseWei: bigint, now: Date): Promise<void>;
  /** Sets what was credited, where the chain took the rest away or gave it back. */
  saveAccepted(channelId: string, acceptedWei: bigint): Promise<void>;
  /** Brings what was claimed in line with the logs that count. */
  refreshClaimed(channelId: string): Promise<void>;
  freeze(channelId: string, reason: string): Promise<void>;
  unfreeze(channelId: string): Promise<void>;
  /** Its money may soon be gone: claim what there is now. */
  hurry(channelId: string): Promise<void>;
  /** At most `limit` with something to claim and no claim under way: in a hurry, or accepted before `before`. Locked. */
  claimable(before: Date, limit: number): Promise<Channel[]>;
  saveClaiming(channelIds: readonly string[], purpose: string): Promise<void>;
  /** Newest first. */
  vouchersOf(organisationId: string, limit: number): Promise<AcceptedVoucher[]>;
  depositsOf(organisationId: string, limit: number): Promise<SeenDeposit[]>;
}

/** A deposit of an organisation, as the chain has it. */
export interface SeenDeposit {
  readonly transactionHash: string;
  readonly blockNumber: number;
  readonly from: string;
  readonly amountWei: bigint;
  /** `undone` where a reorg took it back. */
  readonly state: 'counted' | 'undone';
}
