import { canonicalJson } from '@openledger/kernel';
import type {
  EarlierRecord,
  RecordAnswer,
  RecordQuestion,
} from '../src/domain/assessment/assessment-input.js';
import type { AssessmentResult } from '../src/domain/assessment/assessment-output.js';
import { ContributionAssessor } from '../src/domain/assessment/assessor.js';
import type { AssessedRecord } from '../src/domain/assessment/verdict.js';
import { type Meetings, noteMeetings, promising } from '../src/domain/duplicates/candidate-ranking.js';
import { POSTINGS_MAX } from '../src/domain/duplicates/index-keys.js';
import { TermStatistics } from '../src/domain/duplicates/term-statistics.js';

const BATCH = 250;

/** One Datanet of plain objects, answering as the Postgres index does: for figures that need no database. */
export class PlainDatanet {
  private statistics = TermStatistics.empty();
  private readonly records: EarlierRecord[] = [];
  private readonly exact = new Map<string, number>();
  private readonly bands = new Map<number, number[]>();
  private readonly anchors = new Map<number, number[]>();

  constructor(private readonly kind: 'instruction' | 'text' = 'instruction') {}

  /** `keep` false: forgets it, so that the next one meets the same Datanet. */
  assess(contributorId: string, records: readonly object[], keep = true): Measured {
    const begun = process.cpuUsage();
    const facts = {
      contributionId: `${contributorId}-1`,
      datanetId: 'datanet',
      contributorId,
      schema: { kind: this.kind, minCharacters: 1, maxCharacters: 200_000 },
      qualityMin: 0.35,
    };
    const lines = records.map((record) => canonicalJson(record as never));
    const assessor = new ContributionAssessor(facts, lines, this.statistics);
    for (let from = 0; from < lines.length; from += BATCH) {
      const to = Math.min(from + BATCH, lines.length);
      assessor.judge(from, to, this.answer(assessor.questions(from, to)));
    }
    const result = assessor.result();
    if (keep) this.take(result);
    return new Measured(result, cpuMs(process.cpuUsage(begun)));
  }

  private answer(questions: readonly RecordQuestion[]): Map<number, RecordAnswer> {
    return new Map(
      questions.map(({ index, textHash, bands, anchors }) => {
        const meetings = new Map<number, Meetings>();
        for (const key of bands) noteMeetings(meetings, this.bands.get(key) ?? [], 'bands');
        for (const key of anchors) noteMeetings(meetings, this.anchors.get(key) ?? [], 'anchors');
        const exact = this.records[this.exact.get(textHash) ?? -1];
        const candidates = promising(meetings, anchors.length).flatMap((no) => this.records[no] ?? []);
        return [index, exact === undefined ? { candidates } : { exact, candidates: [] }];
      }),
    );
  }

  private take({ indexed, statistics }: AssessmentResult): void {
    this.statistics = TermStatistics.fromBytes(statistics.bytes, statistics.texts);
    for (const { owner, textHash, keys } of indexed) {
      const no = this.records.length;
      this.records.push(owner);
      this.exact.set(textHash, no);
      for (const key of keys.bands) post(this.bands, key, no);
      for (const key of keys.anchors) post(this.anchors, key, no);
    }
  }
}

/** Of this process, so that a busy machine does not show. */
const cpuMs = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1_000;

function post(postings: Map<number, number[]>, key: number, no: number): void {
  const list = postings.get(key);
  if (list === undefined) postings.set(key, [no]);
  else if (list.length < POSTINGS_MAX) list.push(no);
}

export class Measured {
  readonly lines: readonly AssessedRecord[];

  constructor(
    readonly result: AssessmentResult,
    readonly elapsedCpuMs: number,
  ) {
    const text = Buffer.from(result.verdictLines).toString('utf8').trimEnd();
    this.lines = text.split('\n').map((line) => JSON.parse(line) as AssessedRecord);
  }

  count(code: string): number {
    return this.result.reasons.find((reason) => reason.code === code)?.count ?? 0;
  }

  /** Records that were taken for copies of this contributor's. */
  copiesOf(contributorId: string): number {
    return this.lines.filter(({ reasons }) => reasons[0]?.matches?.[0]?.contributorId === contributorId)
      .length;
  }

  get copiesOfOthers(): number {
    return this.result.copyCounts.reduce((sum, { copies }) => sum + copies, 0);
  }
}
