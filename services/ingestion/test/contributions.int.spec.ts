import { topics, Verdict } from '@openledger/contracts';
import { canonicalJson, merkleRoot, newId, sha256 } from '@openledger/kernel';
import { eventually, publish } from '@openledger/testing';
import { PostgresIngestionStore } from '../src/outbound/postgres-ingestion-store.js';
import { type Body, Client, datanetBody, sign } from './client.js';
import { type Person, Platform } from './platform.js';

let platform: Platform;
let ada: Person;
let client: Client;
let datanetId: string;

beforeAll(async () => {
  platform = await Platform.start();
  ada = platform.person('ada');
  client = new Client(platform, ada);
  datanetId = (await client.post('/datanets', datanetBody)).body.datanetId;
});

afterAll(() => platform?.stop());

const anyone = () => new Client(platform);
const records = [
  { prompt: 'What lowers a fever?', completion: 'Rest, fluids and paracetamol.' },
  { prompt: 'How is a sprain treated?', completion: 'Rest, ice, compression, elevation.' },
];
const jsonl = (values: readonly object[] = records) =>
  values.map((value) => JSON.stringify(value)).join('\n');
const eventsOf = (key: string) => platform.events.filter((event) => Buffer.from(event.body).includes(key));
const bodyOf = (event: { body: Uint8Array } | undefined) =>
  JSON.parse(Buffer.from(event?.body ?? []).toString());

async function signedUpload(body = jsonl()): Promise<Body> {
  const uploaded = await client.upload(datanetId, body);
  const { contributionId } = uploaded.body;
  const signature = await sign(uploaded.body, ada);
  const signed = await client.post(`/contributions/${contributionId}/signature`, { signature });
  expect(signed.status).toBe(200);
  return signed.body;
}

describe('Datanets', () => {
  it('are created by an organisation, told to the platform, and public', async () => {
    const { status, body } = await client.post('/datanets', datanetBody);
    expect(status).toBe(201);
    expect(body).toMatchObject(datanetBody);
    expect((await anyone().get(`/datanets/${body.datanetId}`)).body).toEqual(body);
    await eventually(() => expect(eventsOf(body.datanetId)).toHaveLength(1));
    expect(bodyOf(eventsOf(body.datanetId)[0])).toMatchObject({
      datanetId: body.datanetId,
      ownerPersonId: ada.personId,
      licence: 'CC-BY-4.0',
      schema: { kind: 'RECORD_KIND_INSTRUCTION', minCharacters: 10, maxCharacters: 10_000 },
      permissions: { training: true, commercialUse: true },
    });
  });

  it('are listed in pages', async () => {
    for (let i = 0; i < 3; i++) await client.post('/datanets', { ...datanetBody, name: `Page ${i}` });
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const { body } = await anyone().get(`/datanets?limit=2${after}`);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map((item) => item.datanetId));
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(seen).toContain(datanetId);
    expect(new Set(seen).size).toBe(seen.length);
    expect(await anyone().get('/datanets?limit=1000')).toMatchObject({ status: 400 });
  });

  it.each([
    ['REQUEST_INVALID', { ...datanetBody, licence: undefined }],
    ['REQUEST_INVALID', { ...datanetBody, licence: '' }],
    ['LICENCE_UNKNOWN', { ...datanetBody, licence: 'free for all' }],
    ['LICENCE_FORBIDS_COMMERCIAL_USE', { ...datanetBody, licence: 'CC-BY-NC-4.0' }],
    ['REQUEST_INVALID', { ...datanetBody, schema: { kind: 'image', minCharacters: 1, maxCharacters: 2 } }],
    ['REQUEST_INVALID', { ...datanetBody, schema: { kind: 'text', minCharacters: 3, maxCharacters: 2 } }],
    ['REQUEST_INVALID', { ...datanetBody, schema: { kind: 'text', minCharacters: -1, maxCharacters: 2 } }],
    [
      'REQUEST_INVALID',
      { ...datanetBody, schema: { kind: 'text', minCharacters: 1, maxCharacters: 200_001 } },
    ],
    ['REQUEST_INVALID', { ...datanetBody, owner: 'me' }],
  ])('are refused with %s', async (code, body) => {
    expect(await client.post('/datanets', body)).toMatchObject({ status: 400, body: { code } });
  });

  it('need a credential, a scope, and exist', async () => {
    expect((await anyone().post('/datanets', datanetBody)).body.code).toBe('CREDENTIAL_MISSING');
    const reader = new Client(platform, platform.person('reader', ['inference:invoke']));
    expect(await reader.post('/datanets', datanetBody)).toMatchObject({ status: 403 });
    for (const id of [newId(), 'x', '..%2f..']) {
      const answer = await anyone().get(`/datanets/${id}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'DATANET_UNKNOWN' } });
    }
  });
});

describe('a contribution', () => {
  it('is content-addressed, signed, told to the platform and listed', async () => {
    const { status, body } = await client.upload(datanetId, jsonl());
    expect(status).toBe(201);
    const canonical = records.map((record) => canonicalJson(record));
    expect(body).toMatchObject({
      status: 'awaiting-signature',
      recordCount: 2,
      merkleRoot: merkleRoot(canonical.map((line) => sha256(line))),
    });
    expect(body.typedData.message).toEqual({
      datanetId,
      contributionId: body.contributionId,
      merkleRoot: `0x${body.merkleRoot}`,
      recordCount: 2,
      licence: 'CC-BY-4.0',
    });
    const listed = async () => (await anyone().get(`/datanets/${datanetId}/contributions`)).body.items;
    expect(await listed()).toEqual([]);

    const signature = await sign(body, ada);
    const signed = await client.post(`/contributions/${body.contributionId}/signature`, { signature });
    expect(signed).toMatchObject({ status: 200, body: { status: 'received' } });
    await eventually(() => expect(eventsOf(body.contributionId)).toHaveLength(1));
    const event = bodyOf(eventsOf(body.contributionId)[0]);
    expect(event).toMatchObject({
      contributionId: body.contributionId,
      datanetId,
      contributorId: ada.personId,
      walletAddress: ada.wallet.address,
      recordCount: 2,
      merkleRoot: body.merkleRoot,
      signature,
    });
    const blob = Buffer.from(await platform.blobs.get(event.recordsBlob)).toString();
    expect(blob).toBe(canonical.map((line) => `${line}\n`).join(''));
    expect((await listed()).map((item) => item.contributionId)).toEqual([body.contributionId]);
  });

  it('may be signed again and again, with one event', async () => {
    const { body } = await client.upload(datanetId, jsonl());
    const signature = await sign(body, ada);
    const path = `/contributions/${body.contributionId}/signature`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.post(path, { signature })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(answers.map((answer) => answer.body.receivedAt)).size).toBe(1);
    const [row] = await platform.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM outbox WHERE convert_from(body, 'UTF8') LIKE '%' || $1 || '%'`,
      [body.contributionId],
    );
    expect(row?.count).toBe(1);
  });

  it('may come as CSV or as compressed text', async () => {
    const csv = 'completion,prompt\r\n"Rest, fluids and paracetamol.",What lowers a fever?\r\n';
    const answer = await client.upload(datanetId, csv, { 'content-type': 'text/csv; charset=utf-8' });
    expect(answer).toMatchObject({ status: 201, body: { recordCount: 1 } });
    expect(answer.body.merkleRoot).toBe(
      (await client.upload(datanetId, jsonl(records.slice(0, 1)))).body.merkleRoot,
    );

    const schema = { kind: 'text', minCharacters: 1, maxCharacters: 1_000 };
    const texts = (await client.post('/datanets', { ...datanetBody, schema })).body.datanetId;
    const stream = new Blob(['One paragraph.\n\nAnother one.\n']).stream();
    const zipped = await new Response(stream.pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
    const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' };
    expect(await client.upload(texts, zipped, headers)).toMatchObject({
      status: 201,
      body: { recordCount: 2 },
    });
  });

  it('counts for nothing while it is unsigned or signed by somebody else', async () => {
    const { body } = await client.upload(datanetId, jsonl());
    const path = `/contributions/${body.contributionId}/signature`;
    const bob = platform.person('bob');
    const other = (await client.upload(datanetId, jsonl())).body;
    const cases: [number, string, object][] = [
      [400, 'SIGNATURE_MISSING', {}],
      [400, 'SIGNATURE_MISSING', { signature: '' }],
      [400, 'SIGNATURE_MALFORMED', { signature: '0x1234' }],
      [403, 'SIGNATURE_MISMATCH', { signature: await sign(body, bob) }],
      [403, 'SIGNATURE_MISMATCH', { signature: await sign(other, ada) }],
    ];
    for (const [status, code, sent] of cases) {
      expect(await client.post(path, sent)).toMatchObject({ status, body: { code } });
    }
    const stranger = new Client(platform, bob);
    const signature = await sign(body, ada);
    for (const answer of [await stranger.post(path, { signature }), await stranger.get(path.slice(0, -10))]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'CONTRIBUTION_UNKNOWN' } });
    }
    expect((await client.get(`/contributions/${body.contributionId}`)).body.status).toBe(
      'awaiting-signature',
    );
    expect(eventsOf(body.contributionId)).toEqual([]);
  });

  it('is forgotten when nobody signs it in time', async () => {
    const { body } = await client.upload(datanetId, jsonl());
    const signature = await sign(body, ada);
    await platform.database.query(
      `UPDATE contribution SET expires_at = now() - interval '1 second' WHERE contribution_id = $1`,
      [body.contributionId],
    );
    const late = await client.post(`/contributions/${body.contributionId}/signature`, { signature });
    expect(late).toMatchObject({ status: 409, body: { code: 'CONTRIBUTION_EXPIRED' } });

    const { contributionId: waiting } = (await client.upload(datanetId, jsonl())).body;
    expect(await new PostgresIngestionStore(platform.database).sweepUnsigned(new Date())).toBe(1);
    expect((await client.get(`/contributions/${body.contributionId}`)).status).toBe(404);
    expect((await client.get(`/contributions/${waiting}`)).status).toBe(200);
  });

  it('shows what validation found, to its contributor', async () => {
    const { contributionId } = await signedUpload();
    const path = `/contributions/${contributionId}`;
    expect((await client.get(`${path}/verdicts`)).body.code).toBe('CONTRIBUTION_NOT_ASSESSED');
    const verdicts = [
      { index: 0, id: 'a', verdict: 'accepted', reasons: [] },
      { index: 1, id: 'b', verdict: 'rejected', reasons: [{ code: 'EXACT_DUPLICATE', message: 'Seen.' }] },
    ];
    const verdictsBlob = await platform.blobs.put(Buffer.from(`${jsonl(verdicts)}\n`));
    await publish(platform.eventLog, topics.contributionAssessed, {
      contributionId,
      datanetId,
      contributorId: ada.personId,
      verdict: Verdict.VERDICT_ACCEPTED,
      reasons: [{ code: 'EXACT_DUPLICATE', message: 'Seen.', count: 1 }],
      acceptedCount: 1,
      rejectedCount: 1,
      quarantinedCount: 0,
      acceptedBlob: '',
      verdictsBlob,
      assessedAt: new Date('2026-01-01T00:00:00Z'),
    });
    await eventually(async () => expect((await client.get(path)).body.status).toBe('accepted'));
    expect((await client.get(path)).body).toMatchObject({
      acceptedCount: 1,
      rejectedCount: 1,
      reasons: [{ code: 'EXACT_DUPLICATE', count: 1 }],
      assessedAt: '2026-01-01T00:00:00.000Z',
    });
    expect((await client.get(`${path}/verdicts`)).body).toEqual({ items: verdicts, next: null });
    expect((await client.get(`${path}/verdicts?limit=1`)).body).toEqual({
      items: verdicts.slice(0, 1),
      next: 1,
    });
    expect((await client.get(`${path}/verdicts?limit=1&from=1`)).body.items).toEqual(verdicts.slice(1));
    const stranger = new Client(platform, platform.person('eve'));
    expect(await stranger.get(`${path}/verdicts`)).toMatchObject({ status: 404 });
  });

  it('leaves no more than a hundred unsigned for each contributor', async () => {
    const mallory = platform.person('mallory');
    await platform.database.query(
      `INSERT INTO contribution (contribution_id, datanet_id, contributor_id, wallet_address, licence, records_blob,
                                 record_count, merkle_root, status, created_at, expires_at)
       SELECT gen_random_uuid(), $1, $2, '', '', '', 1, '', 'awaiting-signature', now(), now() + interval '1 day'
         FROM generate_series(1, 100)`,
      [datanetId, mallory.personId],
    );
    const answer = await new Client(platform, mallory).upload(datanetId, jsonl());
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONTRIBUTIONS_UNSIGNED_TOO_MANY' } });
  });
});
