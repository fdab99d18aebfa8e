import type { EncodedEvent } from '@openledger/contracts';
import type { Stake } from '../domain/lineage.js';

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

/** An answer that was paid for. */
export interface ServedAnswer {
  readonly requestId: string;
  readonly modelId: string;
  readonly adapterDigest: string;
  readonly payerOrganisationId: string;
  readonly tokensBlob: string;
  readonly servedAt: Date;
}

export interface Party {
  readonly id: string;
  readonly contributorIds: readonly string[];
  readonly absorbedPartyIds: readonly string[];
  readonly changedAt: Date;
}

/** What is known about a version's index without opening it. */
export interface IndexSummary {
  /** SHA-256 of the index's description, which names the blob of its vectors. */
  readonly digest: string;
  readonly reliabilityPpb: number;
  readonly records: number;
  /** Trained parameters: the length of each vector. */
  readonly parameters: number;
  readonly stakes: readonly Stake[];
}

export interface IndexProgress {
  readonly record: number;
  readonly records: number;
}

export interface Share {
  readonly contributorId: string;
  readonly partyId: string;
  readonly influencePpb: number;
  readonly basePpb: number;
}

/** One answer's attribution. */
export interface ScoredAnswer {
  readonly contributors: readonly Share[];
  readonly baseModelPpb: number;
  readonly reservePpb: number;
  readonly reliabilityPpb: number;
  readonly evidenceBlob: string;
}

export type WorkState = 'waiting' | 'done' | 'failed';

export interface VersionStatus {
  readonly modelId: string;
  readonly adapterDigest: string;
  readonly state: WorkState;
  readonly progress?: IndexProgress;
  readonly index?: IndexSummary;
  readonly failure?: string;
}

export interface AnswerStatus extends ServedAnswer {
  readonly state: WorkState;
  readonly result?: ScoredAnswer;
  readonly failure?: string;
  readonly scoredAt?: Date;
}

/** Work taken from the queue; the attempt is counted when it is taken, so that a crash counts too. */
export interface Claimed<T> {
  readonly work: T;
  /** 1 for the first. */
  readonly attempt: number;
}

/** Names one piece of work for the store. */
export type WorkKey =
  | { readonly kind: 'version'; readonly modelId: string; readonly adapterDigest: string }
  | { readonly kind: 'answer'; readonly requestId: string };

export abstract class AttributionStore {
  /** The three are false when the event was handled before. */
  abstract recordVersion(eventId: string, version: ModelVersion): Promise<boolean>;
  abstract recordAnswer(eventId: string, answer: ServedAnswer): Promise<boolean>;
  abstract recordParty(eventId: string, party: Party): Promise<boolean>;
  /** The oldest version without an index whose time has come. */
  abstract claimVersion(): Promise<Claimed<ModelVersion> | undefined>;
  /** The oldest answer without a score whose version has its index and whose time has come. */
  abstract claimAnswer(): Promise<Claimed<ServedAnswer> | undefined>;
  abstract saveProgress(version: ModelVersion, progress: IndexProgress): Promise<void>;
  abstract saveIndex(version: ModelVersion, index: IndexSummary): Promise<void>;
  /** Stores a score and publishes it in one transaction; false when there was one before. */
  abstract saveScore(requestId: string, score: ScoredAnswer, at: Date, event: EncodedEvent): Promise<boolean>;
  /** Puts work back for later without counting the attempt. */
  abstract putBack(key: WorkKey): Promise<void>;
  abstract retryIn(key: WorkKey, waitMs: number, failure: string): Promise<void>;
  /** Gives up. Answers that wait for a version that failed read as failed. */
  abstract fail(key: WorkKey, failure: string): Promise<void>;
  abstract version(
    modelId: string,
    adapterDigest: string,
  ): Promise<(VersionStatus & ModelVersion) | undefined>;
  /** Of the newest deployed version. */
  abstract versionOf(modelId: string): Promise<VersionStatus | undefined>;
  abstract answer(requestId: string): Promise<AnswerStatus | undefined>;
  /** Parties of those contributors who share one with others. */
  abstract partiesOf(contributorIds: readonly string[]): Promise<Map<string, string>>;
}

/** What to score, and against which index. */
export interface AnswerOrder {
  readonly version: ModelVersion;
  readonly indexDigest: string;
  readonly requestId: string;
  readonly tokensBlob: string;
  /** By contributor; absent means alone. */
  readonly parties: ReadonlyMap<string, string>;
}

/** Does the arithmetic, away from the event loop. Rejects with the abort reason when aborted. */
export abstract class AttributionEngine {
  abstract index(
    version: ModelVersion,
    watch: { readonly onProgress: (progress: IndexProgress) => void; readonly signal: AbortSignal },
  ): Promise<IndexSummary>;
  abstract score(order: AnswerOrder, signal: AbortSignal): Promise<ScoredAnswer>;
}

/** Why an answer is attributed as it is; positions are characters of the text. */
export interface Evidence {
  readonly text: string;
  readonly spans: readonly {
    readonly start: number;
    readonly end: number;
    readonly text: string;
    readonly records: readonly { readonly recordId: string; readonly contributorId: string }[];
  }[];
  readonly topRecords: readonly {
    readonly recordId: string;
    readonly contributorId: string;
    readonly score: number;
    readonly prompt: string;
    readonly completion: string;
  }[];
}

export abstract class EvidenceReader {
  abstract read(blob: string): Promise<Evidence>;
}
