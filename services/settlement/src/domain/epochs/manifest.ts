import { canonicalJson, type Json, sha256 } from '@openledger/kernel';
import type { RoleSplit } from '../split/split-fee.js';

/** Of the format; a reader refuses another. */
export const MANIFEST_VERSION = 1;
/** Stands for what comes before the first. */
export const NO_MANIFEST = '0'.repeat(64);
const LINK_DIGITS = 32;

/** A payee and what it weighs. */
export type AmountOf = readonly [payeeId: string, weight: string];

/** Opens the manifest of a ledger epoch. Amounts are decimal strings of wei, times ISO 8601 in UTC. */
export interface LedgerHead {
  readonly kind: 'ledger-epoch';
  readonly version: number;
  readonly ledgerEpoch: number;
  readonly openedAt: string;
  readonly closedAt: string;
  /** SHA-256 of the manifest before it. */
  readonly previous: string;
}

/** A policy that answers of the epoch were split by, or could have been. */
export interface PolicyLine {
  readonly kind: 'policy';
  readonly version: number;
  readonly effectiveFrom: string;
  readonly roles: Readonly<Record<keyof RoleSplit, number>>;
}

/** Weights that royalties of answers were split by; named by the SHA-256 of the two lists. */
export interface RoyaltiesLine {
  readonly kind: 'royalties';
  readonly id: string;
  readonly developers: readonly AmountOf[];
  readonly contributors: readonly AmountOf[];
}

/** One answer whose fee was split in the epoch: everything that its parts follow from, and nothing of who asked. */
export interface AnswerLine {
  readonly kind: 'answer';
  readonly id: string;
  readonly modelId: string;
  readonly servedAt: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Wei per million tokens. */
  readonly promptPrice: string;
  readonly cachedPrice: string;
  readonly completionPrice: string;
  readonly pricedWei: string;
  /** Less than priced where no more was set aside. */
  readonly feeWei: string;
  readonly policyVersion: number;
  /** Parts per billion. */
  readonly attribution: {
    readonly baseModelPpb: number;
    readonly reservePpb: number;
    readonly reliabilityPpb: number;
    /** Contributor, influence, context, base. */
    readonly contributors: readonly (readonly [string, number, number, number])[];
  };
  readonly payees: {
    readonly developerId: string;
    readonly baseModelOwnerId?: string;
    readonly nodeOperatorId?: string;
    readonly royaltiesId?: string;
  };
  readonly parts: readonly (readonly [role: string, payeeId: string, amountWei: string])[];
}

/** What a chain epoch moved from what a payee accrued to its wallet, or `undone` when its root was disabled. */
export interface PaymentLine {
  readonly kind: 'payment' | 'undone';
  readonly epoch: number;
  readonly revision: number;
  readonly account: string;
  readonly wallet: string;
  readonly amountWei: string;
}

/** The platform gave a payer its fee back. */
export interface RefundLine {
  readonly kind: 'refund';
  readonly id: string;
  readonly requestId: string;
  readonly amountWei: string;
}

/** Where an account stood when the epoch opened and when it closed; only of those that changed. */
export interface AccountLine {
  readonly kind: 'account';
  readonly account: string;
  readonly openingCreditsWei: string;
  readonly openingDebitsWei: string;
  readonly creditsWei: string;
  readonly debitsWei: string;
}

/** Ends a manifest: how many lines of each kind came before, and the fees that they split. */
export interface LedgerSums {
  readonly kind: 'sums';
  readonly answers: number;
  readonly accounts: number;
  readonly feesWei: string;
}

export type LedgerLine =
  | LedgerHead
  | PolicyLine
  | RoyaltiesLine
  | AnswerLine
  | PaymentLine
  | RefundLine
  | AccountLine
  | LedgerSums;

/** Opens the manifest of a chain epoch. */
export interface ChainHead {
  readonly kind: 'epoch';
  readonly version: number;
  readonly epoch: number;
  /** Counts how often its number was posted. */
  readonly revision: number;
  readonly chainId: number;
  readonly distributor: string;
  readonly previousRoot: string;
  /** The manifest of the epoch before, 0x and 64 digits as on chain. */
  readonly previousManifest: string;
  readonly root: string;
  readonly totalWei: string;
  readonly leaves: number;
  /** The ledger epochs that it pays, both included. */
  readonly ledgerFrom: number;
  readonly ledgerTo: number;
}

/** Names the manifest of a ledger epoch that this chain epoch pays. */
export interface LedgerReference {
  readonly kind: 'ledger';
  readonly ledgerEpoch: number;
  readonly manifest: string;
}

/** Everything that a wallet ever earned: what the root proves. */
export interface LeafLine {
  readonly kind: 'leaf';
  readonly wallet: string;
  readonly totalWei: string;
}

export type ChainLine = ChainHead | LedgerReference | PaymentLine | LeafLine;

/**
 * Writes manifests: one JSON object a line, keys sorted, no spaces, LF. Each line carries a hash over itself and the
 * `link` of the line before, so that whoever finds a changed file also finds the line.
 */
export class LineChain {
  private link = '';

  write(line: LedgerLine | ChainLine): string {
    this.link = linkOf(this.link, canonicalJson(line as unknown as Json));
    return `${canonicalJson({ ...line, link: this.link })}\n`;
  }
}

/** First half of the SHA-256 over the link before and the line without its own. */
export const linkOf = (previous: string, line: string): string =>
  sha256(previous + line).slice(0, LINK_DIGITS);
