import { gzipSync } from 'node:zlib';
import { canonicalJson, type DomainError, merkleRoot, sha256 } from '@openledger/kernel';
import fc from 'fast-check';
import type { RecordSchema } from '../../domain/record-schema.js';
import { canonicalise } from './canonicalise.js';
import type { Format, ParseJob } from './job.js';

const limits = {
  lineBytesMax: 4_096,
  linesMax: 100_000,
  recordsMax: 1_000,
  uploadBytesMax: 4 * 1024 * 1024,
  recordsBytesMax: 4 * 1024 * 1024,
  ratioMax: 100,
};
const instruction: RecordSchema = { kind: 'instruction', minCharacters: 2, maxCharacters: 2_000 };
const text: RecordSchema = { kind: 'text', minCharacters: 1, maxCharacters: 2_000 };

const jobOf = (format: Format, changes: Partial<ParseJob> = {}): ParseJob => ({
  format,
  gzip: false,
  schema: format === 'text' ? text : instruction,
  limits,
  ...changes,
});

async function read(job: ParseJob, bytes: Uint8Array | string) {
  const source = Buffer.from(bytes);
  async function* chunks() {
    for (let from = 0; from < source.length; from += 8_192) yield source.subarray(from, from + 8_192);
  }
  const records: string[] = [];
  const canonical = canonicalise(job, chunks());
  for (;;) {
    const step = await canonical.next();
    if (step.done) return { records, ...step.value };
    records.push(step.value);
  }
}

const refusal = (job: ParseJob, bytes: Uint8Array | string): Promise<DomainError | undefined> =>
  read(job, bytes).then(
    () => undefined,
    (error: DomainError) => error,
  );

const words = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((value) => value.trim() !== '' && !value.includes('\0') && !value.includes('\r'))
  .map((value) => value.normalize('NFC'));
const records = fc.array(fc.record({ prompt: words, completion: words }), { minLength: 1, maxLength: 20 });
const canonicalLines = (values: readonly Record<string, string>[]) =>
  values.map((value) => `${canonicalJson(value)}\n`);

const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;

describe('canonical records', () => {
  it('are the same whether they came as JSON lines or as CSV, plain or compressed', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (values) => {
        const json = values.map((value) => `${JSON.stringify(value)}\n`).join('');
        const rows = values.map(({ prompt, completion }) => `${quoted(completion)},${quoted(prompt)}`);
        const table = ['completion,prompt', ...rows].join('\r\n');
        const expected = canonicalLines(values);
        const root = merkleRoot(expected.map((line) => sha256(line.slice(0, -1))));
        const answer = { records: expected, recordCount: values.length, merkleRoot: root };
        expect(await read(jobOf('jsonl'), json)).toEqual(answer);
        expect(await read(jobOf('csv'), table)).toEqual(answer);
        expect(await read(jobOf('jsonl', { gzip: true }), gzipSync(json))).toEqual(answer);
      }),
      { numRuns: 60 },
    );
  });

  it('are paragraphs of plain text', async () => {
    const answer = await read(jobOf('text'), '\n\nFirst line,\r\nsecond line.\r\n \r\nAnother.\n\n\n');
    expect(answer.records).toEqual(
      canonicalLines([{ text: 'First line,\nsecond line.' }, { text: 'Another.' }]),
    );
  });

  it('do not depend on key order or Unicode form, but on the order of records', async () => {
    const root = async (lines: string[]) => (await read(jobOf('jsonl'), lines.join('\n'))).merkleRoot;
    const a = '{"prompt":"caf\u00e9","completion":"yes"}';
    const b = '{"prompt":"q","completion":"no"}';
    expect(await root([a, b])).toBe(await root(['{"completion":"yes","prompt":"cafe\u0301"}', b]));
    expect(await root([a, b])).not.toBe(await root([b, a]));
  });
});

describe('refusals', () => {
  const good = '{"prompt":"a","completion":"b"}';

  it('list every malformed line and every wrong field with its number', async () => {
    const error = await refusal(jobOf('jsonl'), `${good}\n{"prompt":\n[1]\n{"prompt":"x","completion":7}\n`);
    expect(error).toMatchObject({ code: 'RECORD_MALFORMED', details: { line: 2, problems: 3 } });
    expect(error?.message).toContain('line 2 is not JSON');
    expect(error?.message).toContain('line 3 must be an object');
    expect(error?.message).toContain('line 4, field completion must be a string');
  });

  it('stop listing after twenty', async () => {
    const error = await refusal(jobOf('jsonl'), 'x\n'.repeat(5_000));
    expect(error?.details.problems).toBe(20);
    expect(error?.message).toContain('line 20 ');
    expect(error?.message).not.toContain('line 21 ');
  });

  const cases: [string, ParseJob, string | Uint8Array][] = [
    ['UPLOAD_EMPTY', jobOf('jsonl'), '\n \n'],
    ['UPLOAD_EMPTY', jobOf('csv'), 'prompt,completion\n'],
    ['UPLOAD_EMPTY', jobOf('text'), ''],
    ['RECORD_SCHEMA_MISMATCH', jobOf('jsonl'), '{"prompt":"a"}'],
    ['RECORD_SCHEMA_MISMATCH', jobOf('csv'), 'question,answer\na,b\n'],
    ['RECORD_SCHEMA_MISMATCH', jobOf('csv'), 'prompt,completion,__proto__\na,b,c\n'],
    ['RECORD_MALFORMED', jobOf('csv'), 'prompt,prompt\na,b\n'],
    ['RECORD_MALFORMED', jobOf('csv'), 'prompt,completion\na,b,c\n'],
    ['RECORD_MALFORMED', jobOf('csv'), 'prompt,completion\na,"b\n'],
    ['RECORD_MALFORMED', jobOf('csv'), 'prompt,completion\na,b"c"\n'],
    ['RECORD_MALFORMED', jobOf('jsonl'), '['.repeat(4_000)],
    ['ENCODING_INVALID', jobOf('csv'), Uint8Array.of(...Buffer.from('prompt,completion\n'), 0xff)],
    ['LINE_TOO_LONG', jobOf('csv'), `prompt,completion\na,"${'x\n'.repeat(2_500)}"\n`],
    ['LINE_TOO_LONG', jobOf('text'), 'word\n'.repeat(1_000)],
    ['LINE_TOO_LONG', jobOf('jsonl'), 'x'.repeat(5_000)],
    ['RECORDS_TOO_MANY', jobOf('jsonl'), `${good}\n`.repeat(1_001)],
    [
      'RECORDS_TOO_LARGE',
      jobOf('jsonl', { limits: { ...limits, recordsBytesMax: 1_000 } }),
      `${good}\n`.repeat(100),
    ],
    [
      'UPLOAD_TOO_LARGE',
      jobOf('jsonl', { gzip: true, limits: { ...limits, uploadBytesMax: 1_000 } }),
      gzipSync(`${good}\n`.repeat(100)),
    ],
    [
      'ARCHIVE_BOMB',
      jobOf('jsonl', { gzip: true, limits: { ...limits, recordsMax: 1_000_000 } }),
      gzipSync(Buffer.alloc(20_000_000, `${good}\n`)),
    ],
    ['ARCHIVE_CORRUPT', jobOf('jsonl', { gzip: true }), 'not gzip'],
    ['ARCHIVE_CORRUPT', jobOf('jsonl', { gzip: true }), gzipSync(good).subarray(0, 20)],
  ];
  it.each(cases)('%s', async (code, job, bytes) => {
    expect((await refusal(job, bytes))?.code).toBe(code);
  });

  it('name the line of a CSV fault', async () => {
    const error = await refusal(jobOf('csv'), 'prompt,completion\na,b\na,b,c\n');
    expect(error).toMatchObject({ details: { line: 3 } });
    expect(error?.message).toBe('Line 3 has another number of columns than the header.');
  });

  it('are refusals, never crashes, for any bytes in any format', async () => {
    const formats = fc.constantFrom<Format>('jsonl', 'csv', 'text');
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...'{}[]",:\n\r ab\\u0') }).map((value) => Buffer.from(value)),
    );
    await fc.assert(
      fc.asyncProperty(formats, fc.boolean(), bytes, async (format, gzip, input) => {
        const error = await refusal(jobOf(format, { gzip }), input);
        if (error !== undefined) expect(error.name).toBe('DomainError');
      }),
      { numRuns: 300 },
    );
  });
});
