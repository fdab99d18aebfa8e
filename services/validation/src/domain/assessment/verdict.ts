/** Stable: part of the public contract. */
export type ReasonCode =
  | 'SCHEMA_MISMATCH'
  | 'EXACT_DUPLICATE'
  | 'NEAR_DUPLICATE'
  | 'LOW_QUALITY'
  | 'PERSONAL_DATA'
  | 'CONTRIBUTION_TOO_LARGE';

/** The earlier record that a record repeats. */
export interface Match {
  readonly recordId: string;
  readonly datanetId: string;
  readonly contributionId: string;
  readonly contributorId: string;
  /** Share of the earlier record's weight that was repeated, 0…1, three decimals; 1 for exact duplicates. */
  readonly similarity: number;
}

export interface Reason {
  readonly code: ReasonCode;
  readonly message: string;
  readonly matches?: readonly Match[];
}

export type RecordVerdict = 'accepted' | 'quarantined' | 'rejected';

/** One line of the verdicts blob. */
export interface AssessedRecord {
  readonly index: number;
  readonly id: string;
  readonly verdict: RecordVerdict;
  readonly reasons: readonly Reason[];
}

export interface ReasonTally {
  readonly code: ReasonCode;
  readonly message: string;
  readonly count: number;
}

const SUMMARIES: Readonly<Record<ReasonCode, string>> = {
  SCHEMA_MISMATCH: 'The record does not fit the schema of the Datanet.',
  EXACT_DUPLICATE: 'The record has the same words as an earlier one.',
  NEAR_DUPLICATE: 'The record says the same as an earlier one in slightly other words.',
  LOW_QUALITY: 'The record is too short, repetitive, damaged or does not read as language.',
  PERSONAL_DATA: 'The record seems to hold personal data: a person must look at it.',
  CONTRIBUTION_TOO_LARGE: 'The contribution is larger than this platform assesses: split it.',
};

const QUARANTINING: ReadonlySet<ReasonCode> = new Set<ReasonCode>(['PERSONAL_DATA']);

/** Without a reason a record is accepted; personal data alone asks for a person; the rest rejects. */
export function verdictFor(reasons: readonly Reason[]): RecordVerdict {
  if (reasons.length === 0) return 'accepted';
  return reasons.every(({ code }) => QUARANTINING.has(code)) ? 'quarantined' : 'rejected';
}

/** Counted over records, most frequent first, then by code. */
export function tally(counts: ReadonlyMap<ReasonCode, number>): ReasonTally[] {
  return [...counts]
    .map(([code, count]) => ({ code, message: SUMMARIES[code], count }))
    .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}
