import type { EncodedEvent } from '@openledger/contracts';
import type {
  AuditReport,
  IndexProgress,
  IndexSummary,
  ModelVersion,
  Reliability,
  Replay,
  ScoredAnswer,
} from './ports.js';

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

export type WorkState = 'waiting' | 'done' | 'failed';

/** The newest audit of a version. */
export interface AuditStatus {
  readonly state: WorkState;
  readonly report?: AuditReport;
  readonly failure?: string;
  readonly auditedAt?: Date;
}

export interface VersionStatus extends ModelVersion {
  readonly state: WorkState;
  readonly progress?: IndexProgress;
  readonly index?: IndexSummary;
  readonly failure?: string;
  readonly audit?: AuditStatus;
}

export interface AnswerStatus extends ServedAnswer {
  readonly state: WorkState;
  readonly result?: ScoredAnswer;
  readonly failure?: string;
  readonly scoredAt?: Date;
}

export type ChallengeOutcome = 'dismissed' | 'upheld' | 'undecidable';

export interface Challenge {
  readonly id: string;
  readonly requestId: string;
  readonly personId: string;
  readonly reason: string;
  readonly challengedAt: Date;
  /** Absent while it waits. */
  readonly decision?: Decision;
}

export interface Decision {
  readonly outcome: ChallengeOutcome;
  /** What differed or could not be had, for people. */
  readonly finding: string;
  readonly decidedAt: Date;
}

/** A replay that somebody asked for. */
export interface ReplayStatus {
  readonly state: WorkState;
  readonly replay?: Replay;
  readonly failure?: string;
  readonly replayedAt?: Date;
}

export interface ReplayAsk {
  readonly requestId: string;
  readonly personId: string;
  readonly freshMs: number;
  /** Replays of this person that may wait at a time. */
  readonly waitingMax: number;
}

/** Work taken from the queue; the attempt is counted when it is taken, so that a crash counts too. */
export interface Claimed<T> {
  readonly work: T;
  /** 1 for the first. */
  readonly attempt: number;
}

/** Names one piece of work for the store. */
export type WorkKey =
  | { readonly kind: 'version' | 'audit'; readonly modelId: string; readonly adapterDigest: string }
  | { readonly kind: 'answer' | 'replay'; readonly requestId: string }
  | { readonly kind: 'challenge'; readonly challengeId: string };

/** An answer that nothing can be waited for any more. */
export interface LostAnswer {
  readonly answer: ServedAnswer;
  /** `INDEX_FAILED` or `MODEL_UNKNOWN`. */
  readonly reason: string;
}

/** What other services said. All are false when the event was handled before. */
export abstract class InputStore {
  abstract recordVersion(eventId: string, version: ModelVersion): Promise<boolean>;
  abstract recordAnswer(eventId: string, answer: ServedAnswer): Promise<boolean>;
  abstract recordParty(eventId: string, party: Party): Promise<boolean>;
}

/** What the queue works on. */
export abstract class WorkStore {
  /** The oldest version without an index whose time has come. */
  abstract claimVersion(): Promise<Claimed<ModelVersion> | undefined>;
  /** The oldest answers of one version that has its index, none of which is scored and whose time has come. */
  abstract claimAnswers(limit: number): Promise<readonly Claimed<ServedAnswer>[]>;
  abstract claimChallenge(): Promise<Claimed<Challenge> | undefined>;
  /** The request whose replay has waited longest. */
  abstract claimReplay(): Promise<Claimed<string> | undefined>;
  /** The oldest version whose index is there and whose deep audit is not. */
  abstract claimAudit(): Promise<Claimed<ModelVersion> | undefined>;
  /** Answers whose version failed, or whose model did not come within `modelWaitMs` of their own arrival. */
  abstract lostAnswers(modelWaitMs: number, limit: number): Promise<readonly LostAnswer[]>;
  abstract saveProgress(version: ModelVersion, progress: IndexProgress): Promise<void>;
  /** Stores the index and, where asked, queues the version's audit. */
  abstract saveIndex(version: ModelVersion, index: IndexSummary, isAudited: boolean): Promise<void>;
  abstract saveAudit(
    version: ModelVersion,
    report: AuditReport,
    at: Date,
    event: EncodedEvent,
  ): Promise<void>;
  /** Stores a score and publishes it in one transaction; false when there was one before. */
  abstract saveScore(requestId: string, score: ScoredAnswer, at: Date, event: EncodedEvent): Promise<boolean>;
  abstract saveReplay(requestId: string, replay: Replay): Promise<void>;
  /** Stores and publishes a decision; a corrected score becomes the answer's, and the one before is kept. */
  abstract decideChallenge(
    challenge: Challenge,
    decision: Decision,
    corrected: ScoredAnswer | undefined,
    event: EncodedEvent,
  ): Promise<boolean>;
  /** Puts work back for later without counting the attempt. */
  abstract putBack(key: WorkKey): Promise<void>;
  abstract retryIn(key: WorkKey, waitMs: number, failure: string): Promise<void>;
  /** Gives up. */
  abstract fail(key: WorkKey, failure: string): Promise<void>;
}

/** What there is. */
export abstract class ReadStore {
  /** The newest versions of a model, oldest first. */
  abstract versionsOf(modelId: string, limit: number): Promise<readonly VersionStatus[]>;
  abstract version(modelId: string, adapterDigest: string): Promise<VersionStatus | undefined>;
  abstract answer(requestId: string): Promise<AnswerStatus | undefined>;
  abstract challenge(id: string): Promise<Challenge | undefined>;
  /** Keeps a challenge; the one of this person and answer that is already there otherwise. */
  abstract insertChallenge(challenge: Challenge, perDay: number): Promise<Challenge | 'too-many'>;
  /** Queues a replay unless one waits or ended within `freshMs`. */
  abstract askReplay(ask: ReplayAsk): Promise<ReplayStatus | 'too-many'>;
  abstract replay(requestId: string): Promise<ReplayStatus | undefined>;
  /** Parties of those contributors who share one with others. */
  abstract partiesOf(contributorIds: readonly string[]): Promise<Map<string, string>>;
}

/** The version's reliability as it is now: of the deep audit once there is one. */
export const reliabilityOf = (index: IndexSummary, audit: AuditStatus | undefined): Reliability =>
  audit?.report?.reliability ?? index.reliability;
