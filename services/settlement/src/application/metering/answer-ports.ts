import type { Price } from '@openledger/kernel';
import type { FeePart } from '../../domain/split/split-fee.js';
import type { ScoredRequest, ServedRequest } from './metering-ports.js';

/** Everything known of one answer: one row, from the first event about it on. */
export interface Answer {
  readonly id: string;
  readonly served?: ServedRequest;
  readonly scored?: ScoredRequest;
  readonly charge?: Charge;
  readonly credit?: Credit;
}

/** What an answer cost. */
export interface Charge {
  /** What it was priced by; absent in rows from before it was kept. */
  readonly price?: Price;
  readonly pricedWei: bigint;
  /** Never more than what was set aside for it. */
  readonly feeWei: bigint;
  /** Names the answers whose fees moved to clearing together; reference of those transfers. */
  readonly batchId: string;
}

/** Who got its fee. */
export interface Credit {
  /** Names the answers whose fees left clearing together; reference of those transfers. */
  readonly batchId: string;
  /** They sum to the fee. */
  readonly parts: readonly ReceiptPart[];
  /** Absent where no policy is kept and configuration decided. */
  readonly policyVersion?: number;
  /** Names the weights of royalties it was split by; see {@link EpochLedger.saveRoyalties}. */
  readonly royaltiesId?: string;
  readonly ledgerEpoch: number;
  readonly creditedAt: Date;
}

export interface ReceiptPart extends FeePart {
  readonly partyId: string;
}

/** An event that contradicts what is recorded already; it changes nothing. */
export interface RefusedEvent {
  readonly eventId: string;
  readonly requestId: string;
  readonly code: RefusedCode;
  readonly seenAt: Date;
}

/**
 * `EVENT_ID_REUSED`: this event id came before, and said something else. `REQUEST_ID_REUSED`: another event says something
 * else of the same answer.
 */
export type RefusedCode = 'EVENT_ID_REUSED' | 'REQUEST_ID_REUSED';

/** What an organisation used of a model in a month. */
export interface Usage {
  readonly organisationId: string;
  readonly modelId: string;
  /** Its first day, YYYY-MM-DD, UTC. */
  readonly month: string;
  readonly requests: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly feeWei: bigint;
}

export interface Answers {
  /** Locks those that are there until commit. */
  lock(ids: readonly string[]): Promise<ReadonlyMap<string, Answer>>;
  /** Has the whole transaction run again when one of them is there meanwhile. */
  insert(answers: readonly Answer[]): Promise<void>;
  /** Adds what these have to the rows that are there. */
  complete(news: readonly Answer[]): Promise<void>;
  /** Locks answers that were served before their model was known, in the order of their ids. */
  lockUnmetered(modelId: string, limit: number): Promise<Answer[]>;
  addUsage(usage: readonly Usage[]): Promise<void>;
  /** Has what payees earned in this batch summed by model before long; summing it at once would cost more than the ledger. */
  queueEarnings(creditBatchId: string): Promise<void>;
  /** Sums at most `limit` batches that wait for that; answers how many there were. */
  sumEarnings(limit: number): Promise<number>;
  /** Repeats change nothing. */
  refuse(events: readonly RefusedEvent[]): Promise<void>;
  /** Newest first. */
  refused(limit: number): Promise<RefusedEvent[]>;
}
