import {
  type ChainLog,
  type InferenceEscrow,
  organisationOf,
  type ParamRegistry,
  type PrepaidVault,
  type RewardsDistributor,
  type StakeRegistry,
} from '@openledger/onchain';
import type { ChainEvent, ChannelEvent } from '../../application/chain/chain-events.js';

/** One kind of event of one contract. */
export interface EventSource {
  readonly address: string;
  /** Hash of the event's signature: the log's first topic. */
  readonly topic: string;
  /** Undefined for a log that is none of ours. */
  decode(log: ChainLog): ChainEvent | undefined;
}

export const vaultEvents = (vault: PrepaidVault): EventSource[] => [
  {
    address: vault.address,
    topic: vault.depositedTopic,
    decode: (log) => {
      const { account, from, amountWei } = vault.decodeDeposited(log);
      const organisationId = organisationOf(account);
      return {
        kind: 'deposited',
        ...(organisationId === undefined ? {} : { organisationId }),
        from,
        amountWei,
      };
    },
  },
];

export const distributorEvents = (distributor: RewardsDistributor): EventSource[] => [
  {
    address: distributor.address,
    topic: distributor.claimedTopic,
    decode: (log) => {
      const { epoch, account, amountWei } = distributor.decodeClaimed(log);
      return { kind: 'claimed', epoch, wallet: account, amountWei };
    },
  },
  ...distributor.eventTopics.map((topic) => ({
    address: distributor.address,
    topic,
    decode: (log: ChainLog) => rootEvent(distributor, log),
  })),
];

function rootEvent(distributor: RewardsDistributor, log: ChainLog): ChainEvent | undefined {
  const event = distributor.decodeEvent(log);
  switch (event?.kind) {
    case 'posted':
      return { kind: 'root-posted', epoch: event.epoch, root: event.root };
    case 'confirmed':
      return { kind: 'root-confirmed', epoch: event.epoch };
    case 'disabled':
      return { kind: 'roots-disabled', firstEpoch: event.firstEpoch, lastEpoch: event.lastEpoch };
    case 'challenge-opened':
      return { kind: 'challenge-opened', challenge: event.id, epoch: event.epoch };
    case 'challenge-closed':
      return { kind: 'challenge-closed', challenge: event.id, upheld: event.upheld };
    default:
      return undefined;
  }
}

export const parameterEvents = (registry: ParamRegistry): EventSource[] => [
  {
    address: registry.address,
    topic: registry.scheduledTopic,
    decode: (log) => {
      const { version, params } = registry.decodeScheduled(log);
      const { platformBps, developerBps, stakersBps, contributorsBps, royaltyBps, effectiveAtS } = params;
      const parts = { platformBps, developerBps, stakersBps, contributorsBps, royaltyBps };
      return { kind: 'parameters-scheduled', version, ...parts, nodeBps: params.operatorBps, effectiveAtS };
    },
  },
];

/** Of the channels of all receivers: whose they are is known where vouchers are. Sweeps count for `receiver` alone. */
export const escrowEvents = (escrow: InferenceEscrow, receiver: string): EventSource[] =>
  escrow.eventTopics.map((topic) => ({
    address: escrow.address,
    topic,
    decode: (log) => escrowEvent(escrow, receiver, log),
  }));

function escrowEvent(escrow: InferenceEscrow, receiver: string, log: ChainLog): ChainEvent | undefined {
  const event = escrow.decodeEvent(log);
  if (!event || 'config' in event) return undefined;
  if (event.kind === 'settled') {
    const isOurs = event.receiver.toLowerCase() === receiver.toLowerCase();
    return isOurs ? { kind: 'escrow-settled', amountWei: event.amountWei } : undefined;
  }
  const channelId = event.channelId.toLowerCase();
  if (event.kind === 'claimed') {
    const { amountWei, totalClaimedWei: cumulativeWei } = event;
    return { kind: 'channel-claimed', channelId, amountWei, cumulativeWei };
  }
  if (event.kind === 'skipped') return { kind: 'channel-skipped', channelId, reason: event.reason };
  if (event.kind === 'signer-revoked') {
    return { kind: 'channel-signer-revoked', channelId, signer: event.signer };
  }
  return { kind: MOVES[event.kind], channelId, amountWei: event.amountWei };
}

const MOVES = {
  deposited: 'channel-funded',
  'withdraw-initiated': 'channel-withdrawing',
  withdrawn: 'channel-withdrawn',
  refunded: 'channel-withdrawn',
} as const satisfies Record<string, ChannelEvent['kind']>;

export const stakeEvents = (registry: StakeRegistry): EventSource[] =>
  registry.eventTopics.map((topic) => ({
    address: registry.address,
    topic,
    decode: (log) => {
      const event = registry.decodeEvent(log);
      if (!event) return undefined;
      const { kind, ...rest } = event;
      return {
        kind: 'stake',
        what: kind,
        ...('pool' in rest ? { pool: rest.pool, account: rest.account } : {}),
        ...('amountWei' in rest ? { amountWei: rest.amountWei } : {}),
        ...('fromStakeWei' in rest ? { amountWei: rest.fromStakeWei + rest.fromUnbondingWei } : {}),
      };
    },
  }));
