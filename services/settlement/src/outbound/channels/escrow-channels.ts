import { type InferenceEscrow, organisationOf } from '@openledger/onchain';
import {
  type ChannelConfig,
  ChannelContracts,
  type ChannelOnChain,
  type ClaimRow,
  type Voucher,
} from '../../application/channels/channel-ports.js';
import type { ContractCall } from '../../application/epochs/epoch-ports.js';

export interface EscrowSide {
  readonly chainId: number;
  /** The vault: the escrow sweeps to it. */
  readonly receiver: string;
  /** The operator, who claims. */
  readonly receiverAuthorizer: string;
  readonly token: string;
}

/** Channels of one escrow that pay one receiver. */
export class EscrowChannels extends ChannelContracts {
  readonly chainId: number;
  readonly receiver: string;
  readonly receiverAuthorizer: string;
  readonly token: string;

  constructor(
    private readonly escrow: InferenceEscrow,
    side: EscrowSide,
  ) {
    super();
    this.chainId = side.chainId;
    this.receiver = side.receiver;
    this.receiverAuthorizer = side.receiverAuthorizer;
    this.token = side.token;
  }

  idOf(config: ChannelConfig): string {
    return this.escrow.signing.channelId(config).toLowerCase();
  }

  organisationOf(config: ChannelConfig): string | undefined {
    return organisationOf(config.salt);
  }

  async state(channelId: string): Promise<ChannelOnChain> {
    const { balanceWei, claimedWei, withdrawal, signerRevokedFromS } = await this.escrow.channel(channelId);
    return {
      balanceWei,
      claimedWei,
      isWithdrawing: withdrawal !== undefined,
      isRevoked: signerRevokedFromS !== 0,
    };
  }

  check(voucher: Voucher): Promise<void> {
    return this.escrow.requireVoucher(voucher);
  }

  claim(rows: readonly ClaimRow[]): ContractCall {
    return this.escrow.claim(rows);
  }

  settle(): ContractCall {
    return this.escrow.settle(this.receiver, this.token);
  }

  totals(): Promise<{ claimedWei: bigint; settledWei: bigint }> {
    return this.escrow.receiver(this.receiver, this.token);
  }
}
