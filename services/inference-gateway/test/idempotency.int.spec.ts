import { eventually } from '@openledger/testing';
import { migrations } from '../src/migrations.js';
import { PostgresIdempotency } from '../src/outbound/postgres-idempotency.js';
import { GatewayFixture, KEY, POOR_KEY } from './gateway-fixture.js';
import { piece, sayAndHang, spell } from './worker-server.js';

describe('Idempotency-Key', () => {
  let fixture: GatewayFixture;
  const chat = { model: 'cardiology', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 20 };

  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    await fixture.deploy('cardiology');
    await eventually(() => fixture.openai().models.retrieve('cardiology'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('Hello there')));

  const send = (key: string, body: object = chat, init: RequestInit = {}, apiKey = KEY): Promise<Response> =>
    fetch(`${fixture.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${apiKey}`,
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
      ...init,
    });

  it.each([false, true])(
    'answers once and bills once, however often it is sent (stream: %s)',
    async (stream) => {
      const key = `twice-${stream}`;
      const runs = fixture.runs.length;
      const first = await send(key, { ...chat, stream });
      const text = await first.text();
      const second = await send(key, { ...chat, stream });
      expect(await second.text()).toBe(text);
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      for (const name of ['content-type', 'x-openledger-request-id']) {
        expect(second.headers.get(name)).toBe(first.headers.get(name));
      }
      expect(fixture.runs).toHaveLength(runs + 1);
      const requestId = first.headers.get('x-openledger-request-id');
      await eventually(() =>
        expect(fixture.served.filter((served) => served.requestId === requestId)).toHaveLength(1),
      );
    },
  );

  it('runs to its end for a caller who left, and gives him the answer when he comes back', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    fixture.script(async function* (request) {
      yield piece(request, 'a', '');
      await gate;
      yield piece(request, 'b', 'stop');
    });
    const leave = new AbortController();
    const left = await send('comes-back', { ...chat, stream: true }, { signal: leave.signal });
    await left.body?.getReader().read();
    leave.abort();

    const early = await send('comes-back', { ...chat, stream: true });
    expect(early.status).toBe(409);
    expect(early.headers.get('retry-after')).toBe('1');
    expect(await early.json()).toMatchObject({ error: { code: 'idempotent_request_running' } });
    go();
    await eventually(async () => {
      const back = await send('comes-back', { ...chat, stream: true });
      expect(back.status).toBe(200);
      const text = await back.text();
      expect(text).toContain('"content":"b"');
      expect(text).toContain('[DONE]');
    });
  });

  it('lets only one of many at once through', async () => {
    const runs = fixture.runs.length;
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('at-once')));
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(statuses.includes(409) ? [200, 409] : [200]));
    expect(fixture.runs).toHaveLength(runs + 1);
  });

  it('stands for one request of one organisation', async () => {
    fixture.settlement.poor.add('organisation-poor');
    expect((await send('mine')).status).toBe(200);
    const other = await send('mine', { ...chat, max_tokens: 21 });
    expect(other.status).toBe(400);
    expect(await other.json()).toMatchObject({ error: { code: 'idempotency_key_reused' } });
    // Refused for its balance, not answered with another's words.
    expect((await send('mine', chat, {}, POOR_KEY)).status).toBe(402);
    const long = await send('x'.repeat(256));
    expect(await long.json()).toMatchObject({ error: { code: 'idempotency_key_invalid' } });
  });

  it('refuses bodies that cannot be compared', async () => {
    const strange = [
      '{"model":"cardiology","x":1e999}',
      `{"model":"cardiology","x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    ];
    const messages = ',"messages":[{"role":"user","content":"Hi"}]}';
    for (const body of strange) {
      const refused = await send('strange', chat, { body: `${body.slice(0, -1)}${messages}` });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: { code: 'request_malformed' } });
    }
  });

  it('forgets all answers that are out of time, however many', async () => {
    const database = await fixture.database(migrations);
    await database.query(
      `INSERT INTO idempotency_key (organisation_id, key, fingerprint, claim_id, ends_at)
       SELECT 'old', n::text, '', gen_random_uuid(), now() - interval '1 s' FROM generate_series(1, 2500) n`,
    );
    await new PostgresIdempotency(database, { keepMs: 1, claimMs: 1 }).sweep();
    expect(await database.query(`SELECT 1 FROM idempotency_key WHERE organisation_id = 'old'`)).toEqual([]);
    await database.close();
  });

  it('does not keep what failed: the next try is answered anew', async () => {
    fixture.script(async function* (request) {
      yield piece(request, 'a', '');
      throw new Error('the engine broke');
    });
    const broken = await send('fails', { ...chat, stream: true });
    expect(await broken.text()).not.toContain('[DONE]');
    fixture.script(spell('Hello there'));
    const again = await send('fails', { ...chat, stream: true });
    expect(again.headers.get('idempotent-replayed')).toBeNull();
    expect(await again.text()).toContain('[DONE]');

    fixture.script(sayAndHang(''));
    const refused = await send('refused', { ...chat, model: 'nobody' });
    expect(refused.status).toBe(404);
    expect((await send('refused', { ...chat, model: 'nobody' })).status).toBe(404);
  });
});
