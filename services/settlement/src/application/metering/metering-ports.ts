import type { Price, TokenUsage } from '@openledger/kernel';
import type { Attribution } from '../../domain/split/split-fee.js';
import type { FeeDiscrepancy } from '../prepaid/lease-ports.js';

/** What settlement keeps of a deployed model. */
export interface PricedModel {
  readonly id: string;
  readonly name: string;
  readonly developerOrganisationId: string;
  readonly baseDigest: string;
  readonly price: Price;
  readonly datanetIds?: readonly string[];
  readonly deployedAt: Date;
  /** The adapter that was deployed, and the model that it was forked from. */
  readonly version?: { readonly adapterDigest: string; readonly parentModelId?: string };
}

/** Who can be paid, and where. */
export interface Payee {
  readonly id: string;
  readonly name: string;
  readonly wallet: string;
}

export interface Party {
  readonly id: string;
  readonly contributorIds: readonly string[];
  readonly absorbedPartyIds: readonly string[];
  readonly reason: string;
  readonly changedAt: Date;
}

export interface Hold {
  readonly requestId: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly promptTokens: number;
  readonly completionTokensMax: number;
  readonly heldWei: bigint;
  /** The price that was promised; a later change does not touch this request. */
  readonly price: Price;
  readonly expiresAt: Date;
  readonly state: 'held' | 'posted' | 'released' | 'expired';
}

export interface ServedRequest {
  readonly id: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly usage: TokenUsage;
  /** The lease that pays for it; empty or the request's own id where there is none. */
  readonly holdId: string;
  /** What the gateway told the payer, word for word; absent where it told no fee. */
  readonly told?: ToldFee;
  /** Of the version that answered, as its worker reported; absent where none did. */
  readonly adapterDigest?: string;
  /** Public key of the worker that answered, in hex; absent where it signed no receipt. */
  readonly nodeKey?: string;
  readonly servedAt: Date;
}

export interface ToldFee {
  readonly promptWeiPerMillion: string;
  /** Absent: that of the prompt. */
  readonly cachedPromptWeiPerMillion?: string;
  readonly completionWeiPerMillion: string;
  readonly feeWei: string;
}

/** Attribution with the party of each contributor. */
export interface ScoredRequest {
  readonly attribution: Attribution;
  readonly partyOf: ReadonlyMap<string, string>;
}

/** Copies of other services' facts, and holds. */
export interface Metering {
  saveModel(model: PricedModel): Promise<void>;
  model(id: string): Promise<PricedModel | undefined>;
  /** Those of them that are known. */
  models(ids: readonly string[]): Promise<ReadonlyMap<string, PricedModel>>;
  /** Keeps `saveModel` of this model waiting until commit, or waits for one; see `Answers.lockUnmetered`. */
  lockModel(id: string): Promise<void>;
  savePayee(payee: Payee): Promise<void>;
  saveParty(party: Party): Promise<void>;

  /** False when the id is taken; `hold` then says by what. */
  insertHold(hold: Hold): Promise<boolean>;
  /** Locks the hold until commit. */
  hold(requestId: string): Promise<Hold | undefined>;
  /** Locks the holds of these requests until commit. */
  holds(requestIds: readonly string[]): Promise<ReadonlyMap<string, Hold>>;
  endHolds(requestIds: readonly string[], state: 'posted' | 'released' | 'expired'): Promise<void>;
  /** Locks at most `limit` holds that ran out, skipping those in use. */
  expiredHolds(now: Date, limit: number): Promise<Hold[]>;

  saveDiscrepancies(discrepancies: readonly FeeDiscrepancy[]): Promise<void>;
}
