import type { Sha256 } from '@openledger/kernel';
import type { IndexKeys } from '../duplicates/index-keys.js';
import type { TermStatistics } from '../duplicates/term-statistics.js';
import type { ContributionFacts, EarlierRecord } from './assessment-input.js';
import {
  type AssessedRecord,
  type Match,
  type Reason,
  type ReasonCode,
  type ReasonTally,
  type RecordVerdict,
  tally,
  verdictFor,
} from './verdict.js';

/** Copies of one earlier contributor's records that are kept as evidence, of one contribution. */
const EVIDENCE_MAX = 1_000;

/** A text as the persistent index keeps it. Texts of one contribution have different hashes. */
export interface IndexedRecord {
  readonly owner: EarlierRecord;
  readonly textHash: Sha256;
  readonly keys: IndexKeys;
}

/** One record that repeats an earlier one of another contributor. */
export interface CopyEvidence {
  readonly recordIndex: number;
  readonly recordId: string;
  readonly exact: boolean;
  readonly match: Match;
}

/** How much of a contribution repeats one other contributor. */
export interface CopyCount {
  readonly ownerId: string;
  readonly copies: number;
  readonly exactCopies: number;
}

export interface AssessmentResult {
  readonly verdict: RecordVerdict;
  readonly counts: Readonly<Record<RecordVerdict, number>>;
  readonly reasons: readonly ReasonTally[];
  /** JSON lines; empty when nothing was accepted. */
  readonly acceptedLines: Uint8Array;
  readonly verdictLines: Uint8Array;
  readonly indexed: readonly IndexedRecord[];
  readonly copyCounts: readonly CopyCount[];
  readonly evidence: readonly CopyEvidence[];
  readonly statistics: { readonly bytes: Uint8Array; readonly texts: number };
}

interface Judged {
  readonly index: number;
  readonly id: string;
  readonly reasons: readonly Reason[];
  readonly json?: string;
  readonly quality?: number;
  /** Whether it is long enough to say who copied whom. */
  readonly evidence?: boolean;
}

/** Gathers verdicts in order. */
export class AssessmentOutput {
  private readonly accepted: string[] = [];
  private readonly verdicts: string[] = [];
  private readonly indexed: IndexedRecord[] = [];
  private readonly evidence: CopyEvidence[] = [];
  private readonly copies = new Map<string, { copies: number; exactCopies: number }>();
  private readonly counts = { accepted: 0, quarantined: 0, rejected: 0 };
  private readonly reasons = new Map<ReasonCode, number>();

  constructor(private readonly facts: ContributionFacts) {}

  add({ index, id, reasons, json, quality, evidence }: Judged): void {
    const verdict = verdictFor(reasons);
    this.counts[verdict]++;
    for (const { code } of reasons) this.reasons.set(code, (this.reasons.get(code) ?? 0) + 1);
    this.verdicts.push(JSON.stringify({ index, id, verdict, reasons } satisfies AssessedRecord));
    if (verdict === 'accepted' && json !== undefined)
      this.accepted.push(this.acceptedLine(id, json, quality ?? 0));
    if (evidence) this.note(index, id, reasons);
  }

  index(record: IndexedRecord): void {
    this.indexed.push(record);
  }

  finish(accumulated: TermStatistics): AssessmentResult {
    const { accepted, quarantined } = this.counts;
    return {
      verdict: accepted > 0 ? 'accepted' : quarantined > 0 ? 'quarantined' : 'rejected',
      counts: { ...this.counts },
      reasons: tally(this.reasons),
      acceptedLines: toLines(this.accepted),
      verdictLines: toLines(this.verdicts),
      indexed: this.indexed,
      copyCounts: [...this.copies].map(([ownerId, count]) => ({ ownerId, ...count })),
      evidence: this.evidence,
      statistics: { bytes: accumulated.toBytes(), texts: accumulated.textCount },
    };
  }

  /** Canonical: the keys are in order, and the record is canonical already. */
  private acceptedLine(id: string, json: string, quality: number): string {
    const { contributionId, contributorId } = this.facts;
    const head = JSON.stringify({ contributionId, contributorId, id, quality });
    return `${head.slice(0, -1)},"record":${json}}`;
  }

  private note(recordIndex: number, recordId: string, reasons: readonly Reason[]): void {
    for (const { code, matches } of reasons) {
      const [match] = matches ?? [];
      if (match === undefined || match.contributorId === this.facts.contributorId) continue;
      const exact = code === 'EXACT_DUPLICATE';
      const count = this.copies.get(match.contributorId) ?? { copies: 0, exactCopies: 0 };
      count.copies++;
      if (exact) count.exactCopies++;
      this.copies.set(match.contributorId, count);
      if (count.copies <= EVIDENCE_MAX) this.evidence.push({ recordIndex, recordId, exact, match });
    }
  }
}

const toLines = (lines: readonly string[]): Uint8Array =>
  Buffer.from(lines.length === 0 ? '' : `${lines.join('\n')}\n`);
