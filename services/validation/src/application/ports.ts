import type {
  ContributionFacts,
  RecordAnswer,
  RecordQuestion,
} from '../domain/assessment/assessment-input.js';
import type {
  AssessmentResult,
  CopyCount,
  CopyEvidence,
  IndexedRecord,
} from '../domain/assessment/assessment-output.js';
import type { ReasonTally, RecordVerdict } from '../domain/assessment/verdict.js';
import type { CopyCase } from '../domain/parties/copy-link.js';
import type { Party, PartyChange } from '../domain/parties/party.js';
import type { RecordSchema } from '../domain/records/record-content.js';

export interface Datanet {
  readonly datanetId: string;
  readonly schema: RecordSchema;
  readonly licence: string;
}

/** What was learnt about a Datanet's words from its accepted records, and how many assessments ago it began. */
export interface DatanetState extends Datanet {
  readonly terms: Uint8Array | undefined;
  readonly termTexts: number;
  readonly revision: number;
}

export interface Assessment {
  readonly contributionId: string;
  readonly datanetId: string;
  readonly contributorId: string;
  readonly verdict: RecordVerdict;
  readonly counts: Readonly<Record<RecordVerdict, number>>;
  readonly reasons: readonly ReasonTally[];
  /** Empty when nothing was accepted, or nothing was read. */
  readonly acceptedBlob: string;
  readonly verdictsBlob: string;
  readonly assessedAt: Date;
}

export interface OutgoingEvent {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly body: Uint8Array;
}

/** Writes that happen together or not at all, with the events that tell of them. */
export interface AssessmentWrites {
  /** @throws DomainError ASSESSMENT_OUTDATED when the Datanet has moved on since `revision` */
  advanceDatanet(
    datanetId: string,
    revision: number,
    terms: AssessmentResult['statistics'] | undefined,
  ): Promise<void>;
  addAssessment(assessment: Assessment): Promise<number>;
  addToIndex(records: readonly IndexedRecord[]): Promise<void>;
  addEvidence(assessmentNo: number, copierId: string, evidence: readonly CopyEvidence[]): Promise<void>;
  /** Adds to what each contributor sent and copied, and answers with the new totals. */
  addCopies(contributorId: string, records: number, copies: readonly CopyCount[]): Promise<CopyCase[]>;
  /** Waits for other changes of parties to end, and gives the parties of these contributors. */
  lockPartiesOf(contributorIds: readonly string[]): Promise<Party[]>;
  replaceParties(change: PartyChange, reason: string, at: Date): Promise<void>;
  emit(event: OutgoingEvent): Promise<void>;
}

export interface AssessmentStore {
  addDatanet(eventId: string, datanet: Datanet): Promise<boolean>;
  datanet(datanetId: string): Promise<DatanetState | undefined>;
  isAssessed(contributionId: string): Promise<boolean>;
  /** Known texts that each question's record may repeat. */
  lookUp(questions: readonly RecordQuestion[]): Promise<Map<number, RecordAnswer>>;
  /** Runs `work` for this event once ever; false when it was handled before. */
  once(eventId: string, work: (writes: AssessmentWrites) => Promise<void>): Promise<boolean>;
}

export interface AssessmentJob {
  readonly facts: ContributionFacts;
  readonly records: Uint8Array;
  readonly terms: Uint8Array | undefined;
  readonly termTexts: number;
}

/** Assesses away from the event loop. */
export interface Assessor {
  assess(
    job: AssessmentJob,
    lookUp: (questions: readonly RecordQuestion[]) => Promise<Map<number, RecordAnswer>>,
    signal: AbortSignal,
  ): Promise<AssessmentResult>;
}

export interface Blobs {
  put(bytes: Uint8Array): Promise<string>;
  /** @throws DomainError BLOB_UNKNOWN, BLOB_TOO_LARGE */
  get(digest: string, bytesMax?: number): Promise<Uint8Array>;
}
