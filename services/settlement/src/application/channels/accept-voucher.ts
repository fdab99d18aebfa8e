import { DomainError } from '@openledger/kernel';
import { CHAIN_ESCROW } from '../../domain/ledger/accounts.js';
import { lesser } from '../../domain/ledger/standing.js';
import { move, toPayer } from '../chain/vault-moves.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import type { Channel, ChannelConfig, ChannelContracts, ChannelOnChain, Voucher } from './channel-ports.js';

/** A voucher as its payer presents it. */
export interface PresentedVoucher extends Voucher {
  readonly chainId: number;
}

/** Where a channel stands, and what the payer must sign next. */
export interface ChannelStanding {
  readonly channelId: string;
  readonly acceptedWei: bigint;
  readonly claimedWei: bigint;
  /** What the channel holds by the blocks that count: no voucher may allow more. */
  readonly depositedWei: bigint;
}

export interface VoucherAnswer extends ChannelStanding {
  /** 0 where the voucher was known. */
  readonly increaseWei: bigint;
}

interface CheckedVoucher {
  readonly channelId: string;
  readonly organisationId: string;
  readonly voucher: Voucher;
  readonly onChain: ChannelOnChain;
}

/**
 * Tops an organisation up by what a payer signed in a channel of the escrow, before anything is on chain. A voucher
 * is a ceiling of everything ever claimed, so only its increase counts and a replay changes nothing. Refusals carry
 * where the channel stands, as the corrective answer of x402 `batch-settlement` does.
 */
export class AcceptVoucher {
  constructor(
    private readonly store: SettlementStore,
    private readonly contracts: ChannelContracts,
  ) {}

  /**
   * @throws DomainError INVALID_CHANNEL, VOUCHER_WRONG_CHAIN, VOUCHER_WRONG_RECEIVER, VOUCHER_WITHOUT_KEY, VOUCHER_NOT_YOURS,
   * VOUCHER_TOO_LOW, VOUCHER_EXCEEDS_DEPOSIT, CHANNEL_FROZEN, CHANNEL_WITHDRAWING, VOUCHER_SIGNER_REVOKED,
   * INVALID_VOUCHER_SIGNATURE, CHANNEL_BUSY, VOUCHERS_FROZEN
   */
  async run(organisationId: string, presented: PresentedVoucher, now: Date): Promise<VoucherAnswer> {
    const { chainId, ...voucher } = presented;
    const channelId = this.checkParties(organisationId, chainId, voucher.config);
    const before = await this.standing(channelId);
    if (isKnown(before, voucher)) return { ...before, increaseWei: 0n };
    // Asked before anything is locked: a payer whose contract answers slowly keeps nobody waiting.
    const onChain = await this.contracts.state(channelId);
    refuse(voucher, before, onChain);
    await this.contracts.check(voucher).catch((error: unknown) => {
      throw withStanding(error, before);
    });
    const checked = { channelId, organisationId, voucher, onChain };
    return this.store.transaction((tx) => this.accept(tx, checked, now));
  }

  /** Where a channel stands by the logs that count. */
  private standing(
    channelId: string,
  ): Promise<ChannelStanding & { frozen: string | undefined; maxWei: bigint }> {
    return this.store.transaction(async (tx) => {
      const channel = await tx.channels.find(channelId);
      return standingOf(channelId, channel, await tx.channels.balanceOf(channelId));
    });
  }

  private checkParties(organisationId: string, chainId: number, config: ChannelConfig): string {
    const { contracts } = this;
    if (chainId !== contracts.chainId) {
      throw new DomainError('invalid', 'VOUCHER_WRONG_CHAIN', `sign for chain ${contracts.chainId}`, {
        details: { chainId: contracts.chainId },
      });
    }
    const wanted = {
      receiver: contracts.receiver,
      receiverAuthorizer: contracts.receiverAuthorizer,
      token: contracts.token,
    };
    for (const [name, address] of Object.entries(wanted)) {
      const given = config[name as keyof typeof wanted];
      if (given.toLowerCase() === address.toLowerCase()) continue;
      throw new DomainError(
        'invalid',
        'VOUCHER_WRONG_RECEIVER',
        `${name} of the channel must be ${address}`,
        {
          details: { field: name, expected: address },
        },
      );
    }
    // A payer that signs itself may be, or become, a contract that takes its word back after it was credited.
    if (BigInt(config.payerAuthorizer) === 0n) {
      throw new DomainError('invalid', 'VOUCHER_WITHOUT_KEY', 'name a key that signs: payerAuthorizer', {
        details: { field: 'payerAuthorizer' },
      });
    }
    if (contracts.organisationOf(config) !== organisationId) {
      throw new DomainError(
        'forbidden',
        'VOUCHER_NOT_YOURS',
        "the channel's salt must name your organisation: use the account of GET /settlement/balance",
      );
    }
    return contracts.idOf(config);
  }

  private async accept(tx: SettlementTx, checked: CheckedVoucher, now: Date): Promise<VoucherAnswer> {
    const { channelId, organisationId, voucher, onChain } = checked;
    if (await tx.cases.frozen('vouchers')) {
      throw new DomainError(
        'unavailable',
        'VOUCHERS_FROZEN',
        'vouchers wait until a difference is explained',
      );
    }
    const channel = await tx.channels.lock(channelId, organisationId, voucher.config, now);
    const standing = standingOf(channelId, channel, await tx.channels.balanceOf(channelId));
    if (isKnown(standing, voucher)) return { ...standing, increaseWei: 0n };
    refuse(voucher, standing, onChain);
    const increaseWei = voucher.maxClaimableWei - standing.acceptedWei;
    const escrow = [{ account: CHAIN_ESCROW, amountWei: increaseWei }];
    await move(tx, escrow, await toPayer(tx, organisationId, increaseWei), {
      reason: 'voucher',
      // What it starts from is part of the name: money that came back to a channel may be credited again.
      reference: `voucher:${channelId}:${standing.acceptedWei}:${voucher.maxClaimableWei}:${now.getTime()}`,
    });
    await tx.channels.accept(channelId, voucher, increaseWei, now);
    return { ...standing, acceptedWei: voucher.maxClaimableWei, increaseWei };
  }
}

interface KnownStanding extends ChannelStanding {
  readonly frozen: string | undefined;
  readonly maxWei: bigint;
}

const standingOf = (
  channelId: string,
  channel: Channel | undefined,
  depositedWei: bigint,
): KnownStanding => ({
  channelId,
  acceptedWei: channel?.acceptedWei ?? 0n,
  claimedWei: channel?.claimedWei ?? 0n,
  depositedWei,
  frozen: channel?.frozen,
  maxWei: channel?.voucher.maxClaimableWei ?? 0n,
});

/** The newest voucher again, all of which was credited. */
const isKnown = (standing: KnownStanding, voucher: Voucher): boolean =>
  voucher.maxClaimableWei > 0n &&
  voucher.maxClaimableWei === standing.maxWei &&
  voucher.maxClaimableWei === standing.acceptedWei;

function refuse(voucher: Voucher, standing: KnownStanding, onChain: ChannelOnChain): void {
  const { maxClaimableWei } = voucher;
  const deny = (code: string, message: string): DomainError =>
    new DomainError('payment-required', code, message, { details: detailsOf(standing) });
  if (standing.frozen !== undefined) {
    throw deny('CHANNEL_FROZEN', `claims of this channel are looked into: ${standing.frozen}`);
  }
  if (onChain.isWithdrawing)
    throw deny('CHANNEL_WITHDRAWING', 'its money is being withdrawn; deposit instead');
  if (onChain.isRevoked) {
    throw deny('VOUCHER_SIGNER_REVOKED', 'the key of the channel is revoked; open another channel');
  }
  if (maxClaimableWei <= standing.acceptedWei || maxClaimableWei <= onChain.claimedWei) {
    throw deny('VOUCHER_TOO_LOW', `sign more than ${standing.acceptedWei} wei: vouchers are cumulative`);
  }
  const heldWei = lesser(standing.depositedWei, onChain.balanceWei);
  if (maxClaimableWei > heldWei) {
    throw deny(
      'VOUCHER_EXCEEDS_DEPOSIT',
      `the channel holds ${heldWei} wei in blocks that count; deposit first`,
    );
  }
}

const detailsOf = (standing: ChannelStanding): Record<string, string> => ({
  channelId: standing.channelId,
  acceptedWei: standing.acceptedWei.toString(),
  claimedWei: standing.claimedWei.toString(),
  depositedWei: standing.depositedWei.toString(),
});

/** The contract's own refusals, with where the channel stands. */
function withStanding(error: unknown, standing: ChannelStanding): unknown {
  if (!(error instanceof DomainError)) return error;
  return new DomainError('payment-required', error.code, error.message, {
    details: { ...error.details, ...detailsOf(standing) },
    cause: error,
  });
}
