import { topics, Verdict } from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { eventually, publish } from '@openledger/testing';
import { PostgresIngestionStore } from '../src/outbound/postgres-ingestion-store.js';
import { type Body, Client, datanetBody, sign } from './client.js';
import { type Person, Platform } from './platform.js';

const records = JSON.stringify({ prompt: 'What lowers a fever?', completion: 'Rest and fluids.' });

describe('a contribution that is taken back', () => {
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

  const withdrawals = (id: string) =>
    platform.events
      .filter(
        ({ type, body }) => type === topics.contributionWithdrawn.name && Buffer.from(body).includes(id),
      )
      .map(({ body }) => JSON.parse(Buffer.from(body).toString()));
  const upload = async (): Promise<Body> => (await client.upload(datanetId, records)).body;
  const signed = async (): Promise<string> => {
    const uploaded = await upload();
    const signature = await sign(uploaded, ada);
    await client.post(`/contributions/${uploaded.contributionId}/signature`, { signature });
    return uploaded.contributionId;
  };
  const assess = (contributionId: string) =>
    publish(platform.eventLog, topics.contributionAssessed, {
      contributionId,
      datanetId,
      contributorId: ada.personId,
      verdict: Verdict.VERDICT_ACCEPTED,
      reasons: [],
      acceptedCount: 1,
      rejectedCount: 0,
      quarantinedCount: 0,
      acceptedBlob: '',
      verdictsBlob: '',
      assessedAt: new Date(),
    });

  it('is told to the platform once, however often it is asked for', async () => {
    const id = await signed();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        client.delete(`/contributions/${id}`, { reason: ' Not mine to give. ' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const again = await client.delete(`/contributions/${id}?reason=other`);
    expect(again).toMatchObject({
      status: 200,
      body: { status: 'withdrawn', withdrawalReason: 'Not mine to give.' },
    });
    expect((await client.get(`/contributions/${id}`)).body).toEqual(again.body);
    await eventually(() => expect(withdrawals(id)).toHaveLength(1));
    expect(withdrawals(id)[0]).toMatchObject({
      contributionId: id,
      datanetId,
      contributorId: ada.personId,
      reason: 'Not mine to give.',
    });
    const listed = (await client.get(`/datanets/${datanetId}/contributions`)).body.items;
    expect(listed).toContainEqual(expect.objectContaining({ contributionId: id, status: 'withdrawn' }));
    const [row] = await platform.database.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM outbox WHERE topic = $1',
      [topics.contributionWithdrawn.name],
    );
    expect(row?.count).toBe(1);
  });

  it('stays taken back when its assessment comes later', async () => {
    const id = await signed();
    await client.delete(`/contributions/${id}?reason=late`);
    await assess(id);
    await eventually(async () =>
      expect((await client.get(`/contributions/${id}`)).body).toMatchObject({
        status: 'withdrawn',
        withdrawalReason: 'late',
        acceptedCount: 1,
      }),
    );
  });

  it('may be taken back after it was accepted', async () => {
    const id = await signed();
    await assess(id);
    await eventually(async () =>
      expect((await client.get(`/contributions/${id}`)).body.status).toBe('accepted'),
    );
    expect((await client.delete(`/contributions/${id}`)).body).toMatchObject({
      status: 'withdrawn',
      withdrawalReason: '',
    });
    await eventually(() => expect(withdrawals(id)).toHaveLength(1));
  });

  it('before it is signed is forgotten in time, and nobody hears of it', async () => {
    const uploaded = await upload();
    const path = `/contributions/${uploaded.contributionId}`;
    const before = platform.events.length;
    expect((await client.delete(path)).body.status).toBe('withdrawn');
    const signature = await sign(uploaded, ada);
    expect((await client.post(`${path}/signature`, { signature })).body.status).toBe('withdrawn');
    await platform.database.query(
      `UPDATE contribution SET expires_at = now() - interval '1 second' WHERE contribution_id = $1`,
      [uploaded.contributionId],
    );
    expect(await new PostgresIngestionStore(platform.database).sweepUnsigned(new Date())).toBe(1);
    expect((await client.get(path)).status).toBe(404);
    expect(platform.events).toHaveLength(before);
  });

  it("is the contributor's to take back, and nobody else's", async () => {
    const id = await signed();
    const path = `/contributions/${id}`;
    const stranger = new Client(platform, platform.person('eve'));
    const unknown = { status: 404, body: { code: 'CONTRIBUTION_UNKNOWN' } };
    expect(await stranger.delete(path)).toMatchObject(unknown);
    expect(await client.delete(`/contributions/${newId()}`)).toMatchObject(unknown);
    expect(await client.delete('/contributions/x')).toMatchObject(unknown);
    expect((await new Client(platform).delete(path)).body.code).toBe('CREDENTIAL_MISSING');
    const reader = new Client(platform, platform.person('reader', ['inference:invoke']));
    expect(await reader.delete(path)).toMatchObject({ status: 403 });
    const invalid = { status: 400, body: { code: 'REQUEST_INVALID' } };
    expect(await client.delete(path, { reason: 'x'.repeat(1_001) })).toMatchObject(invalid);
    expect(await client.delete(path, { reason: 'a\0b' })).toMatchObject(invalid);
    expect(await client.delete(`${path}?because=x`)).toMatchObject(invalid);
    expect((await client.get(path)).body.status).toBe('received');
  });
});
