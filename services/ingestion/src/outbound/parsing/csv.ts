import { pipeline, Readable } from 'node:stream';
import { DomainError } from '@openledger/kernel';
import { CsvError, parse } from 'csv-parse';
import type { Candidate } from './candidates.js';
import { type Line, lineTooLong } from './lines.js';

interface Row {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

/**
 * RFC 4180 with a header line that names the fields. A quoted field may span lines; `line` is where the
 * record ends.
 *
 * @throws DomainError RECORD_MALFORMED, LINE_TOO_LONG: after a wrong quote nothing can be read any more
 */
export async function* csv(source: AsyncIterable<Line>, recordBytesMax: number): AsyncGenerator<Candidate> {
  const parser = parse({
    info: true,
    max_record_size: recordBytesMax,
    record_delimiter: ['\r\n', '\n'],
    skip_empty_lines: true,
  });
  // Failures of either side arrive where the rows are read.
  const input = Readable.from(terminated(source), { objectMode: true });
  pipeline(input, parser, () => undefined);
  let header: readonly string[] | undefined;
  try {
    for await (const { info, record } of parser as AsyncIterable<Row>) {
      if (header !== undefined) {
        yield { line: info.lines, value: fieldsOf(header, record) };
        continue;
      }
      if (new Set(record).size < record.length) throw malformed(1, 'names a column twice');
      header = record;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Number(error.lines ?? 0);
    throw error.code === 'CSV_MAX_RECORD_SIZE'
      ? lineTooLong(line, recordBytesMax)
      : malformed(line, reason(error));
  }
}

async function* terminated(source: AsyncIterable<Line>): AsyncGenerator<string> {
  for await (const { text } of source) yield `${text}\n`;
}

/** Without a prototype, so that no column name means anything. */
function fieldsOf(header: readonly string[], record: readonly string[]): object {
  const fields = Object.create(null) as Record<string, string>;
  header.forEach((name, column) => {
    fields[name] = record[column] ?? '';
  });
  return fields;
}

const REASONS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'opens a quote that is never closed',
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'has another number of columns than the header',
  INVALID_OPENING_QUOTE: 'has a quote inside a field that is not quoted',
  CSV_INVALID_CLOSING_QUOTE: 'has text after a closing quote',
};

const reason = (error: CsvError) => REASONS[error.code] ?? 'is not CSV (RFC 4180)';

const malformed = (line: number, why: string) =>
  new DomainError('invalid', 'RECORD_MALFORMED', `Line ${line} ${why}.`, { details: { line } });
