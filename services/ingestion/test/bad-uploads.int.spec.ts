import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CONTRIBUTION_RECORDS_MAX } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { type Body, Client, datanetBody } from './client.js';
import { type Person, Platform } from './platform.js';

const UPLOAD_BYTES_MAX = 8 * 1024 * 1024;
const MIB = 1024 * 1024;

let platform: Platform;
let ada: Person;
let client: Client;
let datanetId: string;

const limits = { UPLOAD_BYTES_MAX: String(UPLOAD_BYTES_MAX) };

async function start(changes: Record<string, string>) {
  platform = await Platform.start({ ...limits, ...changes });
  ada = platform.person('ada');
  client = new Client(platform, ada);
  datanetId = (await client.post('/datanets', datanetBody)).body.datanetId;
}

const good = '{"prompt":"What lowers a fever?","completion":"Rest and fluids."}';

/** Sends `chunk` again and again, `times` at most, until an answer comes; whoever is cut off fails. */
async function pour(chunk: Uint8Array, times: number) {
  const url = new URL(`${platform.url}/datanets/${datanetId}/contributions`);
  const upload = httpRequest(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ada.name}`,
      'content-type': 'application/x-ndjson',
      'x-openledger-licence': 'CC-BY-4.0',
    },
  });
  const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
  let answer: IncomingMessage | undefined;
  void answered.then(([response]) => {
    answer = response;
  });
  let sent = 0;
  for (let i = 0; i < times && answer === undefined; i++) {
    sent += chunk.length;
    if (!upload.write(chunk)) await Promise.race([once(upload, 'drain'), answered]);
  }
  upload.end();
  const [response] = await answered;
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  upload.destroy();
  return { sent, status: response.statusCode, body: JSON.parse(Buffer.concat(parts).toString()) as Body };
}

describe('a bad upload', () => {
  beforeAll(() => start({}));
  afterAll(() => platform?.stop());

  /** Whatever was wrong: no row, no event, no blob, no file, and the next upload works. */
  async function leavesNothing(work: () => Promise<void>): Promise<void> {
    const before = await platform.traces();
    expect(before.uploads).toEqual([]);
    await work();
    await eventually(async () => expect(await platform.traces()).toEqual(before));
  }

  const gzip = { 'content-encoding': 'gzip' };
  const cases: [string, number, string | Uint8Array, Record<string, string | undefined>][] = [
    ['RECORD_MALFORMED', 400, `${good}\n{"prompt":\n`, {}],
    ['RECORD_MALFORMED', 400, 'prompt,completion\n"never closed,x\n', { 'content-type': 'text/csv' }],
    ['RECORD_SCHEMA_MISMATCH', 400, `${good}\n{"question":"a","answer":"b"}`, {}],
    ['RECORD_SCHEMA_MISMATCH', 400, '{"prompt":"short","completion":"x"}', {}],
    ['ENCODING_INVALID', 400, Buffer.from(`${good}\n{"prompt":"caf\xe9"`, 'latin1'), {}],
    ['ENCODING_INVALID', 400, Buffer.from(`\ufeff${good}`, 'utf16le'), {}],
    ['LINE_TOO_LONG', 413, `{"prompt":"${'x'.repeat(2 * MIB)}`, {}],
    [
      'LINE_TOO_LONG',
      413,
      gzipSync(
        Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)))
          .toString('hex')
          .repeat(20),
      ),
      gzip,
    ],
    ['ARCHIVE_BOMB', 413, gzipSync(Buffer.alloc(200_000_000)), gzip],
    ['ARCHIVE_BOMB', 413, gzipSync(Buffer.alloc(50_000_000, `${good}\n`)), gzip],
    ['ENCODING_INVALID', 400, gzipSync(gzipSync(Buffer.alloc(50_000_000))), gzip],
    ['ARCHIVE_CORRUPT', 400, gzipSync(good).subarray(0, 30), gzip],
    ['ARCHIVE_CORRUPT', 400, good, gzip],
    ['UPLOAD_TOO_LARGE', 413, Buffer.alloc(UPLOAD_BYTES_MAX + 1, `${good}\n`), {}],
    ['RECORDS_TOO_MANY', 413, `${good}\n`.repeat(CONTRIBUTION_RECORDS_MAX + 1), {}],
    ['UPLOAD_EMPTY', 400, '', {}],
    ['UPLOAD_EMPTY', 400, '\n\n', {}],
    ['LICENCE_MISSING', 400, good, { 'x-openledger-licence': undefined }],
    ['LICENCE_MISSING', 400, good, { 'x-openledger-licence': ' ' }],
    ['LICENCE_MISMATCH', 400, good, { 'x-openledger-licence': 'MIT' }],
    ['LICENCE_UNKNOWN', 400, good, { 'x-openledger-licence': 'mine' }],
    ['CONTENT_TYPE_UNSUPPORTED', 400, good, { 'content-type': 'application/json' }],
    ['CONTENT_TYPE_UNSUPPORTED', 400, good, { 'content-type': 'text/plain' }],
    ['CONTENT_TYPE_UNSUPPORTED', 400, good, { 'content-encoding': 'br' }],
  ];
  it.each(cases)('%s, %i', async (code, status, body, headers) => {
    await leavesNothing(async () => {
      expect(await client.upload(datanetId, body, headers)).toMatchObject({ status, body: { code } });
    });
  });

  it('names lines and fields, all problems at once', async () => {
    const { body } = await client.upload(datanetId, `${good}\nnonsense\n{"prompt":"x","completion":1}\n`);
    expect(body).toMatchObject({ code: 'RECORD_MALFORMED', details: { line: 2, problems: 2 } });
    expect(body.detail).toContain('line 2 is not JSON');
    expect(body.detail).toContain('line 3, field completion must be a string');
  });

  it('of one line of a gigabyte is refused at the limit of a line, in constant memory', async () => {
    await leavesNothing(async () => {
      const before = process.memoryUsage.rss();
      const { sent, status, body } = await pour(Buffer.alloc(MIB, 'x'), 1_024);
      expect({ status, code: body.code }).toEqual({ status: 413, code: 'LINE_TOO_LONG' });
      expect(sent).toBeLessThan(64 * MIB);
      expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MIB);
    });
  });

  it('gets its answer even when its caller sends the whole gigabyte first', async () => {
    await leavesNothing(async () => {
      const chunk = new Uint8Array(MIB).fill(120);
      let left = 256;
      const body = new ReadableStream({
        pull: (controller) => (left-- > 0 ? controller.enqueue(chunk) : controller.close()),
      });
      expect(await client.upload(datanetId, body)).toMatchObject({
        status: 413,
        body: { code: 'LINE_TOO_LONG' },
      });
    });
  });

  it('that is broken off leaves nothing', async () => {
    await leavesNothing(async () => {
      const abort = new AbortController();
      const upload = fetch(`${platform.url}/datanets/${datanetId}/contributions`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${ada.name}`,
          'content-type': 'application/x-ndjson',
          'x-openledger-licence': 'CC-BY-4.0',
        },
        body: new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from(`${good}\n`)) }),
        duplex: 'half',
        signal: abort.signal,
      });
      const ended = upload.catch((error: Error) => error.name);
      await eventually(async () => expect((await platform.traces()).uploads).toHaveLength(1));
      abort.abort();
      expect(await ended).toBe('AbortError');
    });
  });

  it('does not harm a good one beside it', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    const [bad, fine] = await Promise.all([
      client.upload(datanetId, bomb, gzip),
      client.upload(datanetId, good),
    ]);
    expect([bad.status, fine.status]).toEqual([413, 201]);
  });

  it('needs a credential with the scope, and a Datanet', async () => {
    const path = `/datanets/${datanetId}/contributions`;
    expect(await new Client(platform).upload(datanetId, good)).toMatchObject({ status: 401 });
    const reader = new Client(platform, platform.person('reader', ['inference:invoke']));
    expect((await reader.upload(datanetId, good)).body.code).toBe('SCOPE_MISSING');
    expect((await client.upload(crypto.randomUUID(), good)).body.code).toBe('DATANET_UNKNOWN');
    expect((await client.post(path, JSON.parse(good))).body.code).toBe('CONTENT_TYPE_UNSUPPORTED');
  });
});

describe('the parser process', () => {
  afterEach(() => platform?.stop());
  const many = `${good}\n`.repeat(100_000);

  it.each([
    ['time', { PARSE_TIMEOUT_MS: '5' }],
    ['memory', { PARSE_HEAP_MB: '12', CONTRIBUTION_RECORDS_MAX: '100000' }],
  ])('is ended at its limit of %s', async (_, changes) => {
    await start(changes);
    const before = await platform.traces();
    const answer = await client.upload(datanetId, many);
    expect(answer).toMatchObject({ status: 413, body: { code: 'PARSE_LIMIT_EXCEEDED' } });
    expect(await platform.traces()).toEqual(before);
  });

  it('takes turns when many upload at once', async () => {
    await start({ PARSE_CHILDREN_MAX: '1' });
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.upload(datanetId, good)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 201]);
  });
});
