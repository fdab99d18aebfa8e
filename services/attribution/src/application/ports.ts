import type { AuditMethod } from '../domain/audit/reliability.js';
import type { Stake } from '../domain/lineage.js';
import type { RecordOwner } from './record-registry.js';

/** A deployed adapter and where its history lies. */
export interface ModelVersion {
  readonly modelId: string;
  readonly adapterDigest: string;
  readonly baseDigest: string;
  readonly adapterConfigBlob: string;
  readonly adapterWeightsBlob: string;
  readonly lineageBlob: string;
  readonly trainingLogBlob: string;
  readonly deployedAt: Date;
}

/** How far influence can be trusted, with its 95 % interval; parts per billion. */
export interface Reliability {
  readonly ppb: number;
  readonly lowPpb: number;
  readonly highPpb: number;
}

/** What is known about a version's index without opening it. */
export interface IndexSummary {
  /** SHA-256 of the index's description, which names the blob of its vectors. */
  readonly digest: string;
  /** Merkle root over the index's vectors; empty where there are none. */
  readonly root: string;
  /** By the quick audit that is part of the build. */
  readonly reliability: Reliability;
  readonly records: number;
  /** Trained parameters: the length of each vector. */
  readonly parameters: number;
  readonly stakes: readonly Stake[];
  /** Contributions that the records come from; absent where they are not known. */
  readonly contributions?: readonly string[];
}

export interface IndexProgress {
  readonly record: number;
  readonly records: number;
}

export interface Share {
  readonly contributorId: string;
  readonly partyId: string;
  /** Of the answer, by training data; parts per billion, as all shares. */
  readonly influencePpb: number;
  /** Of the answer, by retrieved chunks. */
  readonly contextPpb: number;
  /** Of what the model was trained on. */
  readonly basePpb: number;
}

/** What explains an answer before it is shared out; sums to one billion. */
export interface Pools {
  readonly baseModelPpb: number;
  readonly trainingPpb: number;
  readonly contextPpb: number;
}

/**
 * One answer's attribution. Influence and context shares, the base model's and the reserve's sum to one billion.
 * Where nothing could be measured, the reserve holds it all and `reason` says why by a stable code.
 */
export interface ScoredAnswer {
  readonly status: 'scored' | 'unattributable';
  /** Empty where it was scored. */
  readonly reason: string;
  readonly contributors: readonly Share[];
  readonly baseModelPpb: number;
  readonly reservePpb: number;
  readonly reliability: Reliability;
  /** Absent where nothing was measured. */
  readonly pools?: Pools;
  readonly indexDigest: string;
  readonly indexRoot: string;
  /** Version of the arithmetic. */
  readonly codeVersion: string;
  /** SHA-256 of what is shown; empty where there is nothing to show. */
  readonly evidenceBlob: string;
  /** SHA-256 of the {@link ScoreReceipt}; empty where nothing was measured. */
  readonly receiptBlob: string;
}

/**
 * Reasons for which no second attempt can help. The engine may also refuse by any other code: it is asked
 * again a few times, and then its code becomes the reason.
 */
export const FINAL_REASONS: ReadonlySet<string> = new Set([
  'NO_INDEX',
  'UNKNOWN_ORIGIN',
  'INDEX_DIFFERS',
  'EMPTY_ANSWER',
  'ZERO_GRADIENT',
  'NOT_FINITE',
]);

/** What to score, and against which index. */
export interface AnswerOrder {
  readonly version: ModelVersion;
  readonly indexDigest: string;
  readonly requestId: string;
  readonly tokensBlob: string;
  /** By contributor; absent means alone. */
  readonly parties: ReadonlyMap<string, string>;
  /** Contributions that were taken back: nothing of them is shown or paid. */
  readonly withdrawn: readonly string[];
  /** By record, of the chunks that were retrieved for the answer. */
  readonly chunkOwners: ReadonlyMap<string, RecordOwner>;
  /** The version's as it is now: of the deep audit once there is one. */
  readonly reliability: Reliability;
}

/** Why an order could not be carried out. */
export interface Refusal {
  /** Stable code of a DomainError. */
  readonly code: string;
  readonly message: string;
}

export type ScoreOutcome =
  | { readonly kind: 'scored'; readonly score: ScoredAnswer }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Not the answer's fault as far as is known: to be logged, and tried again. */
  | { readonly kind: 'broke'; readonly error: Error };

export interface AuditOrder {
  readonly version: ModelVersion;
  readonly indexDigest: string;
  /** How long it may take; what is not measured by then widens the interval. */
  readonly secondsMax: number;
}

/** What a version's data did to its loss on records that it was not trained on. */
export interface Impact {
  /** Mean NLL per completion token, nats. */
  readonly baseLoss: number;
  readonly adapterLoss: number;
  readonly contributors: readonly {
    readonly contributorId: string;
    /** Expected rise of the loss without his data, nats per token. */
    readonly lossChange: number;
    readonly standardError: number;
    readonly method: 'EXPECTED' | 'LEAVE_ONE_OUT' | 'SHAPLEY';
  }[];
}

export interface AuditReport {
  readonly reliability: Reliability;
  readonly method: AuditMethod;
  /** SHA-256 of JSON with predictions, measurements and whatever decides them. */
  readonly auditBlob: string;
  /** Absent where there was nothing held out to measure by. */
  readonly impact?: Impact;
}

/** A score to compute again. */
export interface ReplayOrder {
  readonly version: ModelVersion;
  readonly requestId: string;
  readonly tokensBlob: string;
  /** The score as it was published, with its receipt. */
  readonly published: ScoredAnswer;
}

export interface Replay {
  readonly equal: boolean;
  /** First differences, by where they stand in the receipt. */
  readonly differences: readonly string[];
  /** Inputs that are gone. */
  readonly missing: readonly string[];
  /** Version of the arithmetic that computed the receipt. */
  readonly codeVersion: string;
  /** How it was compared, for people. */
  readonly note: string;
  /** What came out instead, where it is different. */
  readonly score?: ScoredAnswer;
}

export interface Watch<Progress> {
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/** Does the arithmetic, away from the event loop. Rejects with the abort reason when aborted. */
export abstract class AttributionEngine {
  abstract index(version: ModelVersion, watch: Watch<IndexProgress>): Promise<IndexSummary>;
  /** Answers of one version, in the order given; an answer that fails does not fail its batch. */
  abstract score(orders: readonly AnswerOrder[], signal: AbortSignal): Promise<readonly ScoreOutcome[]>;
  abstract audit(order: AuditOrder, signal: AbortSignal): Promise<AuditReport>;
  abstract replay(order: ReplayOrder, signal: AbortSignal): Promise<Replay>;
}

/** Words that several parties hold, that are everywhere, or that only read alike earn nobody anything. */
export type SpanStanding = 'owned' | 'common' | 'boilerplate' | 'alike';

export type ReasonCode = 'PAID' | 'BELOW_NOISE' | 'NEGATIVE' | 'DUPLICATE' | 'WITHDRAWN' | 'ONLY_BASE_SHARE';

/** Why an answer is attributed as it is; positions are Unicode code points of the text, end exclusive. */
export interface Evidence {
  readonly text: string;
  readonly spans: readonly {
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly records: readonly { readonly recordId: string; readonly contributorId: string }[];
    /** What the adapter added on them. */
    readonly nats?: number;
    /** Why it earns its holders something or not; absent in evidence of earlier releases. */
    readonly standing?: SpanStanding;
  }[];
  readonly topRecords: readonly {
    readonly recordId: string;
    readonly contributorId: string;
    /** Nats of the answer's surprise that the record removed. */
    readonly score: number;
    readonly prompt: string;
    readonly completion: string;
  }[];
  /** Retrieved chunks. */
  readonly chunks?: readonly {
    readonly recordId: string;
    readonly contributorId: string;
    readonly nats: number;
    readonly standardError: number;
  }[];
  /** Of everybody with a stake. */
  readonly reasons?: readonly {
    readonly contributorId: string;
    readonly code: ReasonCode;
    readonly message: string;
  }[];
}

export abstract class EvidenceReader {
  abstract read(blob: string): Promise<Evidence>;
}
