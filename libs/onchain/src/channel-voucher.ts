import { DomainError } from '@openledger/kernel';
import {
  isAddress,
  isHexString,
  recoverAddress,
  type Signer,
  type TypedDataDomain,
  TypedDataEncoder,
  type TypedDataField,
  ZeroAddress,
} from 'ethers';

/** What a payment channel is, for ever; addresses and `salt` are 0x-prefixed. Names are those on the wire. */
export interface ChannelConfig {
  readonly payer: string;
  /** Key that signs vouchers; the zero address lets the payer sign, which may then be a contract (ERC-1271). */
  readonly payerAuthorizer: string;
  readonly receiver: string;
  readonly receiverAuthorizer: string;
  readonly token: string;
  /** In seconds, 15 minutes to 30 days. */
  readonly withdrawDelay: number;
  /** 32 bytes; the platform reads the organisation from it, see `payerAccount`. */
  readonly salt: string;
}

/** The newest voucher of a channel replaces all before: it is a ceiling of everything ever claimed. */
export interface Voucher {
  readonly config: ChannelConfig;
  readonly maxClaimableWei: bigint;
  /** 0x-prefixed, 65 bytes unless the payer is a contract. */
  readonly signature: string;
}

/** One line of a claim: what was really charged so far, at most the voucher. */
export interface ClaimRow extends Voucher {
  readonly totalClaimedWei: bigint;
}

export const WITHDRAW_DELAY_MIN_S = 15 * 60;
export const WITHDRAW_DELAY_MAX_S = 30 * 24 * 3600;
const UINT128_MAX = (1n << 128n) - 1n;

const CHANNEL_TYPES: Record<string, TypedDataField[]> = {
  ChannelConfig: [
    { name: 'payer', type: 'address' },
    { name: 'payerAuthorizer', type: 'address' },
    { name: 'receiver', type: 'address' },
    { name: 'receiverAuthorizer', type: 'address' },
    { name: 'token', type: 'address' },
    { name: 'withdrawDelay', type: 'uint40' },
    { name: 'salt', type: 'bytes32' },
  ],
};
const VOUCHER_TYPES: Record<string, TypedDataField[]> = {
  Voucher: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
  ],
};
const REFUND_TYPES: Record<string, TypedDataField[]> = {
  Refund: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'nonce', type: 'uint256' },
    { name: 'amount', type: 'uint128' },
  ],
};
const CLAIM_TYPES: Record<string, TypedDataField[]> = {
  ClaimBatch: [{ name: 'claims', type: 'ClaimEntry[]' }],
  ClaimEntry: [
    { name: 'channelId', type: 'bytes32' },
    { name: 'maxClaimableAmount', type: 'uint128' },
    { name: 'totalClaimed', type: 'uint128' },
  ],
};

/**
 * What is signed about channels of one escrow on one chain: the typed data (EIP-712) of the x402 scheme
 * `batch-settlement`, so that its clients sign for us and ours for others.
 */
export class ChannelSigning {
  private readonly domain: TypedDataDomain;

  constructor(chainId: number, escrow: string) {
    this.domain = { name: 'x402 Batch Settlement', version: '1', chainId, verifyingContract: escrow };
  }

  /** @throws DomainError `INVALID_CHANNEL` when the escrow could not take the configuration. */
  channelId(config: ChannelConfig): string {
    requireChannel(config);
    return TypedDataEncoder.hash(this.domain, CHANNEL_TYPES, config);
  }

  voucherDigest(channelId: string, maxClaimableWei: bigint): string {
    return TypedDataEncoder.hash(this.domain, VOUCHER_TYPES, voucherValue(channelId, maxClaimableWei));
  }

  /** Signs with the key of the payer authorizer, or of the payer where there is none. */
  async signVoucher(signer: Signer, config: ChannelConfig, maxClaimableWei: bigint): Promise<Voucher> {
    const value = voucherValue(this.channelId(config), maxClaimableWei);
    const signature = await signer.signTypedData(this.domain, VOUCHER_TYPES, value);
    return { config, maxClaimableWei, signature };
  }

  /**
   * Checks a voucher without the chain.
   * @throws DomainError `INVALID_VOUCHER_SIGNATURE` when its key did not sign it for this escrow on this chain. A
   * payer that is a contract can only be asked on the chain: `InferenceEscrow.requireVoucher`.
   */
  requireSigned(voucher: Voucher): void {
    const channelId = this.channelId(voucher.config);
    const { payer, payerAuthorizer } = voucher.config;
    const wanted = payerAuthorizer === ZeroAddress ? payer : payerAuthorizer;
    const digest = this.voucherDigest(channelId, voucher.maxClaimableWei);
    if (recovered(digest, voucher.signature)?.toLowerCase() === wanted.toLowerCase()) return;
    throw new DomainError(
      'invalid',
      'INVALID_VOUCHER_SIGNATURE',
      `the voucher is not signed by ${wanted} for this escrow and chain; sign it again`,
      { details: { channelId, signer: wanted } },
    );
  }

  refundDigest(channelId: string, nonce: bigint, amountWei: bigint): string {
    return TypedDataEncoder.hash(this.domain, REFUND_TYPES, { channelId, nonce, amount: amountWei });
  }

  /** Signs, as the receiver authorizer, a refund that anyone may bring to the chain. */
  signRefund(signer: Signer, channelId: string, nonce: bigint, amountWei: bigint): Promise<string> {
    return signer.signTypedData(this.domain, REFUND_TYPES, { channelId, nonce, amount: amountWei });
  }

  claimDigest(rows: readonly ClaimRow[]): string {
    return TypedDataEncoder.hash(this.domain, CLAIM_TYPES, this.claimValue(rows));
  }

  /** Signs, as the receiver authorizer, a claim that anyone may bring to the chain. */
  signClaim(signer: Signer, rows: readonly ClaimRow[]): Promise<string> {
    return signer.signTypedData(this.domain, CLAIM_TYPES, this.claimValue(rows));
  }

  private claimValue(rows: readonly ClaimRow[]): { readonly claims: readonly Record<string, unknown>[] } {
    const claims = rows.map((row) => ({
      ...voucherValue(this.channelId(row.config), row.maxClaimableWei),
      totalClaimed: row.totalClaimedWei,
    }));
    return { claims };
  }
}

function voucherValue(channelId: string, maxClaimableWei: bigint): Record<string, unknown> {
  // Zero is what x402 clients sign to ask for a refund of a channel that nothing was charged to.
  if (maxClaimableWei < 0n || maxClaimableWei > UINT128_MAX) {
    throw new DomainError('invalid', 'INVALID_VOUCHER_AMOUNT', 'a voucher allows 0 to 2^128 - 1 wei', {
      details: { maxClaimableWei: maxClaimableWei.toString() },
    });
  }
  return { channelId, maxClaimableAmount: maxClaimableWei };
}

function requireChannel(config: ChannelConfig): void {
  const { payer, payerAuthorizer, receiver, receiverAuthorizer, token, withdrawDelay, salt } = config;
  const parties = { payer, receiver, receiverAuthorizer, token };
  const wrong = Object.entries(parties).find(([, value]) => !isAddress(value) || BigInt(value) === 0n)?.[0];
  const isDelay =
    Number.isInteger(withdrawDelay) &&
    withdrawDelay >= WITHDRAW_DELAY_MIN_S &&
    withdrawDelay <= WITHDRAW_DELAY_MAX_S;
  const field =
    wrong ??
    (isAddress(payerAuthorizer) ? undefined : 'payerAuthorizer') ??
    (isHexString(salt, 32) ? undefined : 'salt') ??
    (isDelay ? undefined : 'withdrawDelay');
  if (field === undefined) return;
  throw new DomainError('invalid', 'INVALID_CHANNEL', `${field} of the channel is missing or out of range`, {
    details: { field },
  });
}

function recovered(digest: string, signature: string): string | undefined {
  try {
    return recoverAddress(digest, signature);
  } catch {
    // Not 65 bytes, or no point on the curve: nobody signed it.
    return undefined;
  }
}
