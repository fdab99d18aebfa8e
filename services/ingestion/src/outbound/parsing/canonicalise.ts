import { canonicalJson, DomainError, merkleRoot, sha256 } from '@openledger/kernel';
import { readRecord } from '../../domain/record-schema.js';
import type { Candidate } from './candidates.js';
import { csv } from './csv.js';
import { inflate } from './inflate.js';
import type { ParseJob } from './job.js';
import { jsonl } from './jsonl.js';
import { type Line, lines } from './lines.js';
import { paragraphs } from './paragraphs.js';

/** Enough to see the pattern; the rest follows from repairing these. */
const PROBLEMS_TOLD_MAX = 20;

export interface Canonical {
  readonly recordCount: number;
  /** RFC 6962 over the SHA-256 of each canonical record. */
  readonly merkleRoot: string;
}

/**
 * Reads records, yields each as a line of canonical JSON, and returns their count and Merkle root.
 *
 * @throws DomainError RECORD_MALFORMED, RECORD_SCHEMA_MISMATCH, RECORDS_TOO_MANY, RECORDS_TOO_LARGE, UPLOAD_EMPTY and those of
 *   the stages before
 */
export async function* canonicalise(
  job: ParseJob,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, Canonical> {
  const { schema, limits } = job;
  const problems = new Problems();
  const leaves: string[] = [];
  let bytes = 0;
  for await (const candidate of candidates(job, chunks)) {
    const read = 'malformed' in candidate ? undefined : readRecord(schema, candidate.value);
    if (read === undefined || 'problems' in read) {
      problems.add(candidate, read?.problems ?? []);
      if (problems.full) break;
      continue;
    }
    if (leaves.length >= limits.recordsMax) throw recordsTooMany(limits.recordsMax);
    const record = canonicalJson(read.record);
    leaves.push(sha256(record));
    bytes += Buffer.byteLength(record) + 1;
    if (bytes > limits.recordsBytesMax) throw recordsTooLarge(limits.recordsBytesMax);
    yield `${record}\n`;
  }
  problems.throwIfAny();
  if (leaves.length === 0) throw new DomainError('invalid', 'UPLOAD_EMPTY', 'The upload holds no records.');
  return { recordCount: leaves.length, merkleRoot: merkleRoot(leaves) };
}

function candidates(job: ParseJob, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Candidate> {
  const { format, gzip, limits } = job;
  const source: AsyncIterable<Line> = lines(gzip ? inflate(chunks, limits) : chunks, limits);
  if (format === 'jsonl') return jsonl(source);
  return format === 'csv' ? csv(source, limits.lineBytesMax) : paragraphs(source, limits.lineBytesMax);
}

/** Collects what is wrong, so that one upload tells all there is to repair. */
class Problems {
  private readonly told: string[] = [];
  private first: DomainErrorParts | undefined;

  get full(): boolean {
    return this.told.length >= PROBLEMS_TOLD_MAX;
  }

  add(candidate: Candidate, problems: readonly { field: string; message: string }[]): void {
    const { line } = candidate;
    if ('malformed' in candidate) {
      this.first ??= { code: 'RECORD_MALFORMED', details: { line } };
      this.told.push(`line ${line} ${candidate.malformed}`);
      return;
    }
    for (const { field, message } of problems) {
      this.first ??= { code: 'RECORD_SCHEMA_MISMATCH', details: { line, field } };
      if (!this.full) this.told.push(`line ${line}${field === '' ? '' : `, field ${field}`} ${message}`);
    }
  }

  throwIfAny(): void {
    if (this.first === undefined) return;
    const { code, details } = this.first;
    const more = this.full ? `\nOnly the first ${PROBLEMS_TOLD_MAX} problems are listed.` : '';
    const message = `Nothing was stored: ${this.told.length} problems.\n${this.told.join('\n')}${more}`;
    throw new DomainError('invalid', code, message, { details: { ...details, problems: this.told.length } });
  }
}

interface DomainErrorParts {
  readonly code: string;
  readonly details: Record<string, string | number>;
}

const recordsTooMany = (recordsMax: number) =>
  new DomainError(
    'too-large',
    'RECORDS_TOO_MANY',
    `The upload has more than ${recordsMax} records: split it.`,
  );

const recordsTooLarge = (bytesMax: number) =>
  new DomainError(
    'too-large',
    'RECORDS_TOO_LARGE',
    `The records have more than ${bytesMax} bytes as canonical JSON: split the upload.`,
    { details: { bytesMax } },
  );
