import { type Sha256, sha256 } from '@openledger/kernel';
import { ContributionIndex } from '../duplicates/contribution-index.js';
import {
  distinctWords,
  featuresOf,
  type TextFeatures,
  Vocabulary,
  type WeightedFeatures,
  weigh,
} from '../duplicates/features.js';
import { type IndexKeys, indexKeys } from '../duplicates/index-keys.js';
import { compare, isNearDuplicate } from '../duplicates/similarity.js';
import type { TermStatistics } from '../duplicates/term-statistics.js';
import { personalDataIn } from '../privacy/personal-data.js';
import { qualityOf } from '../quality/quality.js';
import { readRecord } from '../records/record-content.js';
import { wordsOf } from '../text/words.js';
import type { ContributionFacts, EarlierRecord, RecordAnswer, RecordQuestion } from './assessment-input.js';
import { AssessmentOutput, type AssessmentResult } from './assessment-output.js';
import type { Match, Reason } from './verdict.js';

/** Texts that are written with fewer distinct words than this say nothing about who copied whom. */
const EVIDENCE_WORDS_MIN = 8;

interface Pending {
  readonly index: number;
  readonly id: Sha256;
  /** Canonical record; undefined for one that does not fit the schema. */
  readonly json?: string;
  readonly normalised: string;
  readonly textHash: Sha256;
  readonly quality: number;
  readonly reasons: readonly Reason[];
}

interface Prepared {
  readonly features: TextFeatures;
  readonly keys: IndexKeys;
}

/**
 * Assesses one contribution, record by record in its order. Ask {@link questions} for a run of records,
 * look the answers up, and {@link judge} the same run, until all are judged; then take the {@link result}.
 * The same input and answers always give the same result.
 */
export class ContributionAssessor {
  private readonly records: Pending[];
  private readonly known = new ContributionIndex();
  private readonly knownByHash = new Map<Sha256, EarlierRecord>();
  private readonly knownByIndex = new Map<number, EarlierRecord>();
  private readonly prepared = new Map<number, Prepared>();
  private readonly vocabulary = new Vocabulary();
  private readonly weighed = new BoundedCache<WeightedFeatures>();
  private readonly output: AssessmentOutput;
  /** What is common is judged by the Datanet and this contribution together: a template shows at once. */
  private readonly statistics: TermStatistics;

  constructor(
    private readonly facts: ContributionFacts,
    lines: readonly string[],
    private readonly accumulated: TermStatistics,
  ) {
    this.statistics = accumulated.copy();
    this.records = lines.map((line, index) => this.read(line, index));
    this.countTerms();
    this.output = new AssessmentOutput(facts);
  }

  get recordCount(): number {
    return this.records.length;
  }

  questions(from: number, to: number): RecordQuestion[] {
    const asked: RecordQuestion[] = [];
    for (const { index, json, normalised, textHash } of this.records.slice(from, to)) {
      if (json === undefined) continue;
      const features = featuresOf(normalised.split(' '), this.vocabulary);
      const keys = indexKeys(features, this.statistics);
      this.prepared.set(index, { features, keys });
      asked.push({ index, textHash, ...keys });
    }
    return asked;
  }

  judge(from: number, to: number, answers: ReadonlyMap<number, RecordAnswer>): void {
    for (const record of this.records.slice(from, to)) {
      const prepared = this.prepared.get(record.index);
      this.prepared.delete(record.index);
      const { id, index, json } = record;
      if (prepared === undefined || json === undefined) {
        this.output.add({ index, id, reasons: record.reasons });
        continue;
      }
      const repeated = this.repeats(record, prepared, answers.get(index) ?? { candidates: [] });
      const reasons = repeated === undefined ? record.reasons : [repeated, ...record.reasons];
      const evidence = prepared.features.words.length >= EVIDENCE_WORDS_MIN;
      this.output.add({ index, id, reasons, json, quality: record.quality, evidence });
      if (reasons.length === 0) this.accept(record, prepared);
      else if (repeated?.code === 'NEAR_DUPLICATE') this.remember(record, prepared, repeated.matches?.[0]);
    }
  }

  result(): AssessmentResult {
    return this.output.finish(this.accumulated);
  }

  private read(line: string, index: number): Pending {
    const { schema, qualityMin } = this.facts;
    const read = readRecord(line, schema);
    if (!read.ok) {
      const reasons: Reason[] = [{ code: 'SCHEMA_MISMATCH', message: read.problem }];
      return { index, id: read.id, normalised: '', textHash: '', quality: 0, reasons };
    }
    const { id, json, text, allText, prompt, completion } = read.content;
    const words = wordsOf(text);
    const normalised = words.join(' ');
    const instruction = prompt === undefined || completion === undefined ? {} : { prompt, completion };
    const { score, weaknesses } = qualityOf({ text, words, ...instruction });
    const reasons: Reason[] = [];
    if (score < qualityMin) {
      const message = `Quality ${score} is below ${qualityMin}: ${weaknesses.join(', ')}.`;
      reasons.push({ code: 'LOW_QUALITY', message });
    }
    const kinds = personalDataIn(allText);
    if (kinds.length > 0) {
      reasons.push({ code: 'PERSONAL_DATA', message: `It seems to hold: ${kinds.join(', ')}.` });
    }
    return { index, id, json, normalised, textHash: sha256(normalised), quality: score, reasons };
  }

  /** Each distinct text counts once, so that a copy sent many times does not pass for a template. */
  private countTerms(): void {
    const seen = new Set<Sha256>();
    for (const { json, normalised, textHash } of this.records) {
      if (json === undefined || seen.has(textHash)) continue;
      seen.add(textHash);
      this.statistics.add(distinctWords(normalised.split(' '), this.vocabulary));
    }
  }

  private repeats(record: Pending, prepared: Prepared, answer: RecordAnswer): Reason | undefined {
    const exact = answer.exact ?? this.knownByHash.get(record.textHash);
    if (exact !== undefined) {
      const message = `The same words as record ${exact.recordId} of ${exact.contributorId}.`;
      return { code: 'EXACT_DUPLICATE', message, matches: [matchOf(exact, 1)] };
    }
    const inside = this.known
      .candidates(prepared.keys)
      .flatMap((index) => this.knownByIndex.get(index) ?? []);
    const weighed = this.weighed.get(record.normalised, () => weigh(prepared.features, this.statistics));
    let best: { earlier: EarlierRecord; similarity: number } | undefined;
    for (const earlier of [...answer.candidates, ...inside]) {
      const found = compare(weighed, this.weighedOf(earlier));
      const better = best === undefined || found.containment > best.similarity;
      if (better && isNearDuplicate(found)) best = { earlier, similarity: found.containment };
    }
    if (best === undefined) return undefined;
    const match = matchOf(best.earlier, best.similarity);
    const percent = Math.floor(match.similarity * 100);
    const message = `Repeats ${percent} % of record ${match.recordId} of ${match.contributorId}, by the weight of its words.`;
    return { code: 'NEAR_DUPLICATE', message, matches: [match] };
  }

  private accept(record: Pending, prepared: Prepared): void {
    const { datanetId, contributionId, contributorId } = this.facts;
    this.accumulated.add(prepared.features.words);
    this.remember(record, prepared, { recordId: record.id, datanetId, contributionId, contributorId });
  }

  /** A near copy is remembered for its owner, so that a copy of the copy is found as well as one of the original. */
  private remember(
    { index, textHash, normalised }: Pending,
    { keys }: Prepared,
    owner: Omit<Match, 'similarity'> | undefined,
  ): void {
    if (owner === undefined) return;
    const { recordId, datanetId, contributionId, contributorId } = owner;
    const earlier = { recordId, datanetId, contributionId, contributorId, normalisedText: normalised };
    this.knownByHash.set(textHash, earlier);
    this.knownByIndex.set(index, earlier);
    this.known.add(index, keys);
    this.output.index({ owner: earlier, textHash, keys });
  }

  private weighedOf({ normalisedText }: EarlierRecord): WeightedFeatures {
    return this.weighed.get(normalisedText, () =>
      weigh(featuresOf(normalisedText.split(' '), this.vocabulary), this.statistics),
    );
  }
}

function matchOf(earlier: EarlierRecord, similarity: number): Match {
  const { recordId, datanetId, contributionId, contributorId } = earlier;
  return {
    recordId,
    datanetId,
    contributionId,
    contributorId,
    similarity: Math.round(similarity * 1_000) / 1_000,
  };
}

/** Candidates recur within a contribution: the texts met last are kept ready. */
class BoundedCache<V> {
  private static readonly ENTRIES_MAX = 5_000;
  private readonly entries = new Map<string, V>();

  get(key: string, make: () => V): V {
    const known = this.entries.get(key);
    const value = known ?? make();
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > BoundedCache.ENTRIES_MAX) {
      const [oldest] = this.entries.keys();
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    return value;
  }
}
