import { DomainError, invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type {
  AcceptedVoucher,
  Channel,
  ChannelBook,
  ChannelConfig,
  SeenDeposit,
  Voucher,
} from '../../application/channels/channel-ports.js';

interface ChannelRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly config: ChannelConfig;
  readonly accepted: string;
  readonly voucher_max: string;
  readonly signature: string;
  readonly claimed: string;
  readonly frozen: string | null;
}

/** PostgreSQL's lock_not_available. */
const LOCKED = '55P03';

/** Tables `channel` and `channel_voucher`. */
export class PostgresChannels implements ChannelBook {
  constructor(private readonly tx: Transaction) {}

  find(channelId: string): Promise<Channel | undefined> {
    return this.one('SELECT * FROM channel WHERE id = $1', channelId);
  }

  async lock(channelId: string, organisationId: string, config: ChannelConfig, now: Date): Promise<Channel> {
    await this.tx.query(
      `INSERT INTO channel (id, organisation_id, config, accepted, voucher_max, signature, accepted_at)
       VALUES ($1, $2, $3, 0, 0, '', $4) ON CONFLICT DO NOTHING`,
      [channelId, organisationId, JSON.stringify(config), now],
    );
    try {
      const channel = await this.one('SELECT * FROM channel WHERE id = $1 FOR UPDATE NOWAIT', channelId);
      invariant(channel, 'the channel has a row');
      return channel;
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCKED) throw error;
      throw new DomainError(
        'exhausted',
        'CHANNEL_BUSY',
        'a voucher of this channel is being taken; try again',
        {
          details: { channelId },
          cause: error,
        },
      );
    }
  }

  async balanceOf(channelId: string): Promise<bigint> {
    const [row] = await this.tx.query<{ balance: string }>(
      `SELECT coalesce(sum(CASE event ->> 'kind' WHEN 'channel-funded' THEN (event ->> 'amountWei')::numeric
         WHEN 'channel-withdrawn' THEN -(event ->> 'amountWei')::numeric ELSE 0 END), 0) AS balance
       FROM chain_log WHERE event ? 'channelId' AND event ->> 'channelId' = $1 AND state = 'applied'`,
      [channelId],
    );
    return BigInt(row?.balance ?? 0);
  }

  async accept(channelId: string, voucher: Voucher, increaseWei: bigint, now: Date): Promise<void> {
    const maximum = voucher.maxClaimableWei.toString();
    await this.tx.query(
      'UPDATE channel SET accepted = $2, voucher_max = $2, signature = $3, accepted_at = $4 WHERE id = $1',
      [channelId, maximum, voucher.signature, now],
    );
    await this.tx.query(
      `INSERT INTO channel_voucher (channel_id, maximum, increase, signature, accepted_at)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [channelId, maximum, increaseWei.toString(), voucher.signature, now],
    );
  }

  async saveAccepted(channelId: string, acceptedWei: bigint): Promise<void> {
    await this.tx.query('UPDATE channel SET accepted = $2 WHERE id = $1', [
      channelId,
      acceptedWei.toString(),
    ]);
  }

  async refreshClaimed(channelId: string): Promise<void> {
    await this.tx.query(
      `UPDATE channel SET claimed = coalesce((
         SELECT max((event ->> 'cumulativeWei')::numeric) FROM chain_log
         WHERE event ? 'channelId' AND event ->> 'channelId' = $1 AND event ->> 'kind' = 'channel-claimed' AND state = 'applied'), 0)
       WHERE id = $1`,
      [channelId],
    );
    await this.tx.query('UPDATE channel SET hurry = false WHERE id = $1 AND claimed >= accepted', [
      channelId,
    ]);
  }

  async freeze(channelId: string, reason: string): Promise<void> {
    await this.tx.query('UPDATE channel SET frozen = $2 WHERE id = $1', [channelId, reason]);
  }

  async unfreeze(channelId: string): Promise<void> {
    await this.tx.query('UPDATE channel SET frozen = NULL WHERE id = $1', [channelId]);
  }

  async hurry(channelId: string): Promise<void> {
    await this.tx.query('UPDATE channel SET hurry = true WHERE id = $1 AND accepted > claimed', [channelId]);
  }

  async claimable(before: Date, limit: number): Promise<Channel[]> {
    const rows = await this.tx.query<ChannelRow>(
      `SELECT channel.* FROM channel LEFT JOIN chain_tx ON chain_tx.purpose = channel.claiming
       WHERE accepted > claimed AND frozen IS NULL AND (hurry OR accepted_at <= $1)
         AND (claiming IS NULL OR claimed >= claiming_total OR chain_tx.state = 'final')
       ORDER BY hurry DESC, channel.accepted_at, channel.id LIMIT $2 FOR UPDATE OF channel SKIP LOCKED`,
      [before, limit],
    );
    return rows.map(toChannel);
  }

  async saveClaiming(channelIds: readonly string[], purpose: string): Promise<void> {
    await this.tx.query(
      'UPDATE channel SET claiming = $2, claiming_total = accepted WHERE id = ANY($1::text[])',
      [[...channelIds], purpose],
    );
  }

  async vouchersOf(organisationId: string, limit: number): Promise<AcceptedVoucher[]> {
    const rows = await this.tx.query<{
      channel_id: string;
      maximum: string;
      increase: string;
      accepted_at: Date;
      claimed: string;
      frozen: string | null;
    }>(
      `SELECT channel_voucher.*, channel.claimed, channel.frozen
       FROM channel JOIN channel_voucher ON channel_voucher.channel_id = channel.id
       WHERE channel.organisation_id = $1 ORDER BY channel_voucher.accepted_at DESC, maximum DESC LIMIT $2`,
      [organisationId, limit],
    );
    return rows.map((row) => ({
      channelId: row.channel_id,
      maxClaimableWei: BigInt(row.maximum),
      increaseWei: BigInt(row.increase),
      acceptedAt: row.accepted_at,
      state:
        BigInt(row.claimed) >= BigInt(row.maximum) ? 'claimed' : row.frozen === null ? 'accepted' : 'frozen',
    }));
  }

  async depositsOf(organisationId: string, limit: number): Promise<SeenDeposit[]> {
    const rows = await this.tx.query<{
      transaction_hash: string;
      block_number: string;
      event: { from: string; amountWei: string };
      state: 'applied' | 'orphaned';
    }>(
      `SELECT transaction_hash, block_number, event, state FROM chain_log
       WHERE event ->> 'kind' = 'deposited' AND event ->> 'organisationId' = $1
       ORDER BY block_number DESC, log_index DESC LIMIT $2`,
      [organisationId, limit],
    );
    return rows.map((row) => ({
      transactionHash: row.transaction_hash,
      blockNumber: Number(row.block_number),
      from: row.event.from,
      amountWei: BigInt(row.event.amountWei),
      state: row.state === 'applied' ? 'counted' : 'undone',
    }));
  }

  private async one(sql: string, channelId: string): Promise<Channel | undefined> {
    const [row] = await this.tx.query<ChannelRow>(sql, [channelId]);
    return row && toChannel(row);
  }
}

const toChannel = (row: ChannelRow): Channel => ({
  id: row.id,
  organisationId: row.organisation_id,
  voucher: {
    config: row.config,
    maxClaimableWei: BigInt(row.voucher_max),
    signature: row.signature,
  },
  acceptedWei: BigInt(row.accepted),
  claimedWei: BigInt(row.claimed),
  frozen: row.frozen ?? undefined,
});
