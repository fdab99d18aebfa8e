/** What the contracts told. Names of amounts end in `Wei`: they are stored as decimal strings. */
export type ChainEvent =
  | DepositedEvent
  | ClaimedEvent
  | RootEvent
  | ChannelEvent
  | { readonly kind: 'escrow-settled'; readonly amountWei: bigint }
  | StakeEvent
  | ParametersEvent;

/** Somebody prepaid; without an organisation where the depositor made the account up. */
export interface DepositedEvent {
  readonly kind: 'deposited';
  readonly organisationId?: string;
  readonly from: string;
  readonly amountWei: bigint;
}

/** A payee was paid. */
export interface ClaimedEvent {
  readonly kind: 'claimed';
  readonly epoch: number;
  readonly wallet: string;
  readonly amountWei: bigint;
}

/** Roots that were posted, stand, are contested, or never pay. */
export type RootEvent =
  | { readonly kind: 'root-posted'; readonly epoch: number; readonly root: string }
  | { readonly kind: 'root-confirmed'; readonly epoch: number }
  | { readonly kind: 'roots-disabled'; readonly firstEpoch: number; readonly lastEpoch: number }
  | { readonly kind: 'challenge-opened'; readonly challenge: number; readonly epoch: number }
  | { readonly kind: 'challenge-closed'; readonly challenge: number; readonly upheld: boolean };

/** Governance decided how fees are split from a time on; parts in basis points. */
export interface ParametersEvent {
  readonly kind: 'parameters-scheduled';
  readonly version: number;
  readonly platformBps: number;
  readonly developerBps: number;
  readonly stakersBps: number;
  readonly contributorsBps: number;
  readonly nodeBps: number;
  readonly royaltyBps: number;
  readonly effectiveAtS: number;
}

/** A payer's channel in the escrow; those that pay others than us are none of ours. */
export type ChannelEvent = { readonly channelId: string } & (
  | {
      readonly kind: 'channel-funded' | 'channel-withdrawing' | 'channel-withdrawn';
      readonly amountWei: bigint;
    }
  /** `cumulativeWei` is everything ever claimed from the channel. */
  | { readonly kind: 'channel-claimed'; readonly amountWei: bigint; readonly cumulativeWei: bigint }
  | { readonly kind: 'channel-skipped'; readonly reason: string }
  | { readonly kind: 'channel-signer-revoked'; readonly signer: string }
);

/** Shown, and compared with the registry; the books do not keep stakes. */
export interface StakeEvent {
  readonly kind: 'stake';
  readonly what: string;
  readonly pool?: string;
  readonly account?: string;
  readonly amountWei?: bigint;
}
