import { newId } from '@openledger/kernel';
import { CHANNELS_PURPOSE, SETTLE_PURPOSE } from '../../domain/chain/purpose.js';
import type { SettlementStore } from '../ports.js';
import type { ChannelContracts } from './channel-ports.js';

/** One transaction's worth: the gas of a row stays about the same from here on. */
const ROWS_MAX = 25;
const CLAIMS_A_PASS_MAX = 20;

/**
 * Brings vouchers to the chain, many in one transaction, and then what they claimed to the vault. A row that the
 * escrow cannot claim is left out there, so no payer's channel holds up another's.
 */
export class ClaimChannels {
  constructor(
    private readonly store: SettlementStore,
    private readonly contracts: ChannelContracts,
    /** How long vouchers of a channel are gathered. */
    private readonly gatherMs: number,
  ) {}

  async run(now: Date): Promise<void> {
    const before = new Date(now.getTime() - this.gatherMs);
    for (let claims = 0; claims < CLAIMS_A_PASS_MAX && (await this.claim(before)); claims += 1);
    await this.sweep();
  }

  /** True where there may be more. */
  private claim(before: Date): Promise<boolean> {
    return this.store.transaction(async (tx) => {
      const channels = await tx.channels.claimable(before, ROWS_MAX);
      if (channels.length === 0) return false;
      const purpose = `${CHANNELS_PURPOSE}:${newId()}`;
      const rows = channels.map(({ voucher, acceptedWei }) => ({ ...voucher, totalClaimedWei: acceptedWei }));
      await tx.chain.enqueue({ purpose, call: this.contracts.claim(rows) });
      await tx.channels.saveClaiming(
        channels.map(({ id }) => id),
        purpose,
      );
      return channels.length === ROWS_MAX;
    });
  }

  /** Named by all that was ever claimed, so the same amount is swept once. */
  private async sweep(): Promise<void> {
    const { claimedWei, settledWei } = await this.contracts.totals();
    if (claimedWei <= settledWei) return;
    await this.store.transaction((tx) =>
      tx.chain.enqueue({ purpose: `${SETTLE_PURPOSE}:${claimedWei}`, call: this.contracts.settle() }),
    );
  }
}
