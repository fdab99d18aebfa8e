import { DomainError, invariant } from '@openledger/kernel';
import type { BlockTag, Provider, Result } from 'ethers';
import { type ChannelConfig, ChannelSigning, type ClaimRow, type Voucher } from './channel-voucher.js';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { inferenceEscrowArtifact } from './generated/inference-escrow.js';

/** Rows of one claim; beyond it the gas of a transaction grows past what is worth repeating. */
export const CLAIM_ROWS_MAX = 100;

/** Why the escrow left out a row, in the order of its enumeration. */
const SKIP_REASONS = [
  'none',
  'not-receiver-side',
  'nothing-new',
  'above-ceiling',
  'above-balance',
  'signer-revoked',
  'invalid-signature',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What a payer has to do about a voucher that could not be claimed. */
const REFUSALS: Readonly<Partial<Record<SkipReason, readonly [code: string, message: string]>>> = {
  'nothing-new': ['VOUCHER_REPLAYED', 'it allows nothing beyond what was claimed; sign a higher one'],
  'above-balance': ['VOUCHER_EXCEEDS_BALANCE', 'it allows more than the channel holds; deposit first'],
  'signer-revoked': ['VOUCHER_SIGNER_REVOKED', 'the key of the channel is revoked; the payer itself signs'],
  'invalid-signature': ['INVALID_VOUCHER_SIGNATURE', 'it is not signed by the key of its channel'],
};

/** What the chain knows of a channel. */
export interface ChannelState {
  /** Deposits less refunds and withdrawals. */
  readonly balanceWei: bigint;
  readonly claimedWei: bigint;
  readonly refundNonce: bigint;
  /** From this second on the payer authorizer signs in vain; 0 if it was not revoked. */
  readonly signerRevokedFromS: number;
  /** What is being withdrawn, from this second on plus the delay; undefined if nothing is. */
  readonly withdrawal: { readonly amountWei: bigint; readonly initiatedAtS: number } | undefined;
}

/** An ERC-3009 authorization of the payer, whose nonce is {@link InferenceEscrow.authorizationNonce}. */
export interface DepositAuthorization {
  readonly validAfterS: number;
  readonly validBeforeS: number;
  readonly salt: string;
  readonly signature: string;
}

interface OfChannel {
  readonly channelId: string;
}
interface Moved extends OfChannel {
  /** What moved by this event, not what was asked for. */
  readonly amountWei: bigint;
}

/** What the escrow reports. */
export type EscrowEvent =
  | (OfChannel & { readonly kind: 'created' | 'closed'; readonly config: ChannelConfig })
  | (Moved & { readonly kind: 'deposited'; readonly from: string; readonly balanceWei: bigint })
  | (Moved & { readonly kind: 'claimed'; readonly totalClaimedWei: bigint })
  | (OfChannel & { readonly kind: 'skipped'; readonly reason: SkipReason })
  | { readonly kind: 'settled'; readonly receiver: string; readonly amountWei: bigint }
  | (Moved & { readonly kind: 'refunded' | 'withdrawn' })
  | (Moved & { readonly kind: 'withdraw-initiated'; readonly finalizeAfterS: number })
  | (OfChannel & {
      readonly kind: 'signer-revoked';
      readonly signer: string;
      readonly effectiveFromS: number;
    });

const DECODERS: Readonly<Record<string, (values: Result) => EscrowEvent>> = {
  ChannelCreated: (values) => ({
    kind: 'created',
    channelId: String(values[0]),
    config: configOf(values[1]),
  }),
  ChannelClosed: (values) => ({ kind: 'closed', channelId: String(values[0]), config: configOf(values[1]) }),
  Deposited: (values) => ({
    kind: 'deposited',
    channelId: String(values[0]),
    from: String(values[1]),
    amountWei: BigInt(values[2]),
    balanceWei: BigInt(values[3]),
  }),
  Claimed: (values) => ({
    kind: 'claimed',
    channelId: String(values[0]),
    amountWei: BigInt(values[2]),
    totalClaimedWei: BigInt(values[3]),
  }),
  Skipped: (values) => ({
    kind: 'skipped',
    channelId: String(values[0]),
    reason: skipReason(values[1]),
  }),
  Settled: (values) => ({ kind: 'settled', receiver: String(values[0]), amountWei: BigInt(values[3]) }),
  Refunded: (values) => ({ kind: 'refunded', channelId: String(values[0]), amountWei: BigInt(values[2]) }),
  WithdrawFinalized: (values) => ({
    kind: 'withdrawn',
    channelId: String(values[0]),
    amountWei: BigInt(values[2]),
  }),
  WithdrawInitiated: (values) => ({
    kind: 'withdraw-initiated',
    channelId: String(values[0]),
    amountWei: BigInt(values[1]),
    finalizeAfterS: Number(values[2]),
  }),
  SignerRevoked: (values) => ({
    kind: 'signer-revoked',
    channelId: String(values[0]),
    signer: String(values[1]),
    effectiveFromS: Number(values[2]),
  }),
};

/** Where payers without an account here prepay and sign what may be claimed. */
export class InferenceEscrow extends DeployedContract {
  readonly signing: ChannelSigning;
  /** Topics of everything that {@link InferenceEscrow.decodeEvent} reads. */
  readonly eventTopics: readonly string[];
  private readonly nameOf: ReadonlyMap<string, string>;

  constructor(address: string, provider: Provider, chainId: number) {
    super(address, provider, inferenceEscrowArtifact.abi);
    this.signing = new ChannelSigning(chainId, address);
    this.nameOf = new Map(Object.keys(DECODERS).map((name) => [this.topicOf(name), name]));
    this.eventTopics = [...this.nameOf.keys()];
  }

  async channel(channelId: string, blockTag: BlockTag = 'latest'): Promise<ChannelState> {
    const [amounts, exit, nonce, revoked] = await Promise.all([
      this.read('channels', [channelId], blockTag),
      this.read('pendingWithdrawals', [channelId], blockTag),
      this.read('refundNonce', [channelId], blockTag),
      this.read('signerRevokedFrom', [channelId], blockTag),
    ]);
    const initiatedAtS = Number(exit[1]);
    return {
      balanceWei: BigInt(amounts[0]),
      claimedWei: BigInt(amounts[1]),
      refundNonce: BigInt(nonce[0]),
      signerRevokedFromS: Number(revoked[0]),
      withdrawal: initiatedAtS === 0 ? undefined : { amountWei: BigInt(exit[0]), initiatedAtS },
    };
  }

  /** Everything ever claimed for a receiver, and what of it was sent. */
  async receiver(account: string, token: string): Promise<{ claimedWei: bigint; settledWei: bigint }> {
    const values = await this.read('receivers', [account, token]);
    return { claimedWei: BigInt(values[0]), settledWei: BigInt(values[1]) };
  }

  /**
   * Checks a voucher as a claim of all it allows would, on the chain as of `blockTag`: an unconfirmed deposit
   * does not count at `finalized`. Works for payers that are contracts too.
   * @throws DomainError `VOUCHER_REPLAYED`, `VOUCHER_EXCEEDS_BALANCE`, `VOUCHER_SIGNER_REVOKED`,
   * `INVALID_VOUCHER_SIGNATURE`.
   */
  async requireVoucher(voucher: Voucher, blockTag: BlockTag = 'latest'): Promise<void> {
    const channelId = this.signing.channelId(voucher.config);
    const row = claimRow({ ...voucher, totalClaimedWei: voucher.maxClaimableWei });
    const reason = skipReason((await this.read('objection', [row], blockTag))[0]);
    if (reason === 'none') return;
    const [code, message] = REFUSALS[reason] ?? ['INVALID_VOUCHER', 'it could not be claimed'];
    throw new DomainError('precondition', code, `the voucher is of no use: ${message}`, {
      details: { channelId },
    });
  }

  /** The ERC-3009 nonce that binds a payer's authorization to a channel. */
  async authorizationNonce(channelId: string, salt: string): Promise<string> {
    return String((await this.read('authorizationNonce', [channelId, salt]))[0]);
  }

  /** Needs an allowance of the sender's OPEN towards the escrow. */
  deposit(config: ChannelConfig, amountWei: bigint): PreparedCall {
    return this.prepare('deposit', [config, amountWei]);
  }

  /** Takes from the payer what it authorized, whoever sends the transaction. */
  depositWithAuthorization(
    config: ChannelConfig,
    amountWei: bigint,
    authorization: DepositAuthorization,
  ): PreparedCall {
    const { validAfterS, validBeforeS, salt, signature } = authorization;
    return this.prepare('depositWithAuthorization', [
      config,
      amountWei,
      validAfterS,
      validBeforeS,
      salt,
      signature,
    ]);
  }

  /** For the receiver or the receiver authorizer. @throws DomainError `INVALID_CLAIM_SIZE`. */
  claim(rows: readonly ClaimRow[]): PreparedCall {
    return this.prepare('claim', [claimRows(rows)]);
  }

  /** For anyone, with the receiver authorizer's `ChannelSigning.signClaim`. */
  claimWithSignature(rows: readonly ClaimRow[], signature: string): PreparedCall {
    return this.prepare('claimWithSignature', [claimRows(rows), signature]);
  }

  settle(receiver: string, token: string): PreparedCall {
    return this.prepare('settle', [receiver, token]);
  }

  /** For the receiver or the receiver authorizer; pays at most what is not claimed. */
  refund(config: ChannelConfig, amountWei: bigint): PreparedCall {
    return this.prepare('refund', [config, amountWei]);
  }

  /** For anyone, with the receiver authorizer's `ChannelSigning.signRefund`. */
  refundWithSignature(
    config: ChannelConfig,
    amountWei: bigint,
    nonce: bigint,
    signature: string,
  ): PreparedCall {
    return this.prepare('refundWithSignature', [config, amountWei, nonce, signature]);
  }

  initiateWithdraw(config: ChannelConfig, amountWei: bigint): PreparedCall {
    return this.prepare('initiateWithdraw', [config, amountWei]);
  }

  finalizeWithdraw(config: ChannelConfig): PreparedCall {
    return this.prepare('finalizeWithdraw', [config]);
  }

  revokeSigner(config: ChannelConfig): PreparedCall {
    return this.prepare('revokeSigner', [config]);
  }

  /** Undefined for a log that is none of the escrow's events. */
  decodeEvent(log: ChainLog): EscrowEvent | undefined {
    const name = this.nameOf.get(log.topics[0] ?? '');
    return name === undefined ? undefined : DECODERS[name]?.(this.decode(name, log));
  }
}

function skipReason(value: unknown): SkipReason {
  const reason = SKIP_REASONS[Number(value)];
  invariant(reason, `the escrow gives reason ${String(value)}`);
  return reason;
}

function claimRow(row: ClaimRow): readonly unknown[] {
  return [[row.config, row.maxClaimableWei], row.signature, row.totalClaimedWei];
}

function claimRows(rows: readonly ClaimRow[]): readonly unknown[] {
  if (rows.length > 0 && rows.length <= CLAIM_ROWS_MAX) return rows.map(claimRow);
  throw new DomainError('invalid', 'INVALID_CLAIM_SIZE', `a claim has 1 to ${CLAIM_ROWS_MAX} rows`, {
    details: { rows: rows.length },
  });
}

function configOf(values: Result): ChannelConfig {
  return {
    payer: String(values[0]),
    payerAuthorizer: String(values[1]),
    receiver: String(values[2]),
    receiverAuthorizer: String(values[3]),
    token: String(values[4]),
    withdrawDelay: Number(values[5]),
    salt: String(values[6]),
  };
}
