import { CHAIN_ESCROW } from '../../domain/ledger/accounts.js';
import { greater, lesser } from '../../domain/ledger/standing.js';
import type { ChainEvent, ChannelEvent } from '../chain/chain-events.js';
import { fromPayer, move, toPayer } from '../chain/vault-moves.js';
import type { SettlementTx } from '../ports.js';
import type { Channel } from './channel-ports.js';

/** Said of a row that was claimed before: nothing is lost by it. */
const NOTHING_NEW = 'nothing-new';

export const isChannelEvent = (event: ChainEvent): event is ChannelEvent => 'channelId' in event;

/** What the escrow tells of a channel of ours; those of others are not in the book and change nothing. */
export async function applyChannelEvent(
  tx: SettlementTx,
  event: ChannelEvent,
  reference: string,
  now: Date,
): Promise<void> {
  const channel = await tx.channels.find(event.channelId);
  if (!channel) return;
  if (event.kind === 'channel-skipped') await reportSkipped(tx, channel, event.reason, now);
  else if (event.kind === 'channel-withdrawing' || event.kind === 'channel-signer-revoked') {
    await tx.channels.hurry(channel.id);
  } else await follow(tx, channel, reference);
}

/** What the logs say without the one that was undone. */
export async function reverseChannelEvent(
  tx: SettlementTx,
  event: ChannelEvent,
  reference: string,
): Promise<void> {
  const channel = await tx.channels.find(event.channelId);
  if (channel) await follow(tx, channel, reference);
}

/**
 * A voucher is worth what its channel holds. Money that was withdrawn before it was claimed, or whose deposit a reorg
 * took back, is owed by the organisation; where it comes back, the voucher counts again.
 */
async function follow(tx: SettlementTx, channel: Channel, reference: string): Promise<void> {
  await tx.channels.refreshClaimed(channel.id);
  const heldWei = greater(0n, await tx.channels.balanceOf(channel.id));
  const worthWei = lesser(channel.voucher.maxClaimableWei, heldWei);
  if (worthWei === channel.acceptedWei) return;
  const lostWei = channel.acceptedWei - worthWei;
  const { organisationId } = channel;
  if (lostWei > 0n) {
    const escrow = [{ account: CHAIN_ESCROW, amountWei: lostWei }];
    await move(tx, await fromPayer(tx, organisationId, lostWei), escrow, { reason: 'withdrawn', reference });
  } else {
    const escrow = [{ account: CHAIN_ESCROW, amountWei: -lostWei }];
    await move(tx, escrow, await toPayer(tx, organisationId, -lostWei), { reason: 'voucher', reference });
  }
  await tx.channels.saveAccepted(channel.id, worthWei);
}

/** We can claim less than we credited: a person must look, and the channel waits. Others go on. */
async function reportSkipped(tx: SettlementTx, channel: Channel, reason: string, now: Date): Promise<void> {
  if (reason === NOTHING_NEW) return;
  await tx.channels.freeze(channel.id, reason);
  await tx.cases.open(
    {
      freezes: 'channel',
      code: 'VOUCHER_SKIPPED',
      subject: channel.id,
      expected: `${channel.acceptedWei} claimable`,
      actual: reason,
    },
    now,
  );
}
