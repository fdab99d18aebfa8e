import { eventually } from '@openledger/testing';
import { GatewayFixture, KEY } from './gateway-fixture.js';
import { piece, spell } from './worker-server.js';

describe('callers who misbehave', () => {
  let fixture: GatewayFixture;
  const chat = { model: 'law', messages: [{ role: 'user' as const, content: 'Hi' }] };
  const authorization = { authorization: `Bearer ${KEY}` };
  const json = { ...authorization, 'content-type': 'application/json' };

  beforeAll(async () => {
    fixture = await GatewayFixture.start({ READER_TIMEOUT_MS: '300' });
    await fixture.deploy('law');
    await eventually(() => fixture.openai().models.retrieve('law'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('fine')));

  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = json) =>
    fetch(`${fixture.url}/v1/chat/completions`, { method: 'POST', headers, body });
  const errorOf = async (response: Response) => {
    const { error } = (await response.json()) as { error: object };
    return { status: response.status, ...error };
  };

  it('are told what is wrong with their bodies', async () => {
    const damaged = Buffer.from(JSON.stringify(chat).replace('Hi', 'H\u00e9'), 'latin1');
    expect(await errorOf(await post(new Uint8Array(damaged)))).toEqual({
      status: 400,
      type: 'invalid_request_error',
      code: 'body_not_utf8',
      message: 'The body is not valid UTF-8.',
      param: null,
    });
    const large = JSON.stringify({ ...chat, user: 'x'.repeat(1_100_000) });
    expect(await errorOf(await post(large))).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(await errorOf(await post('{"model":'))).toMatchObject({ status: 400, code: 'request_malformed' });
    const form = { ...authorization, 'content-type': 'text/plain' };
    expect(await errorOf(await post(JSON.stringify(chat), form))).toMatchObject({
      status: 400,
      code: 'body_missing',
    });
    expect(await errorOf(await post('{}', { 'content-type': 'application/json' }))).toMatchObject({
      status: 401,
      type: 'authentication_error',
      code: 'invalid_api_key',
    });
    const nested = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const format = `{"type":"json_schema","json_schema":{"name":"x","schema":${nested}}}`;
    const deep = JSON.stringify(chat).replace('{', `{"response_format":${format},`);
    expect(await errorOf(await post(deep))).toMatchObject({ status: 400 });
  });

  it('get an id with every answer, their own where it is well-formed', async () => {
    for (const [given, body, code] of [
      ['my-trace.1', JSON.stringify(chat), 200],
      ['my-trace.2', '{"model":', 400],
      ['my-trace.3', JSON.stringify({ ...chat, model: 'nobody' }), 404],
    ] as const) {
      const { headers, status } = await post(body, { ...json, 'x-request-id': given });
      expect(status).toBe(code);
      expect(headers.get('x-request-id')).toBe(given);
      expect(headers.get('openai-version')).toBe('2020-10-01');
      expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/);
    }
    const { headers } = await post(JSON.stringify(chat), { ...json, 'x-request-id': 'a b'.repeat(99) });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const { request_id, _request_id } = (await fixture.openai().chat.completions.create(chat)) as {
      request_id?: string;
      _request_id?: string | null;
    };
    expect(request_id ?? _request_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('are taken to be gone when they do not read, and pay for what was made by then', async () => {
    let told = 0;
    fixture.script(async function* (request, signal) {
      while (!signal.aborted) {
        told += 1;
        yield { ...piece(request, 'x', ''), text: 'x'.repeat(65_536) };
      }
    });
    const response = await post(JSON.stringify({ ...chat, stream: true }));
    const requestId = response.headers.get('x-openledger-request-id');
    const event = await eventually(() => {
      const found = fixture.served.find((served) => served.requestId === requestId);
      if (!found) throw new Error('not given up yet');
      return found;
    });
    expect(event.finishReason).toBe('cancelled');
    expect(event.usage?.completionTokens).toBeLessThanOrEqual(told);
    await expect(response.text()).rejects.toThrow();
  });

  it('leave nothing behind when they vanish', async () => {
    fixture.script(async function* (request, signal) {
      yield piece(request, 'a', '');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    });
    const before = fixture.workers.reduce((sum, { stopped }) => sum + stopped.length, 0);
    const callers = Array.from({ length: 12 }, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const body = JSON.stringify({ ...chat, stream: true });
      await fetch(`${fixture.url}/v1/chat/completions`, { method: 'POST', headers: json, body, signal });
      controller.abort();
    });
    await Promise.all(callers);
    await eventually(() => {
      const stopped = fixture.workers.reduce((sum, worker) => sum + worker.stopped.length, 0);
      expect(stopped).toBe(before + callers.length);
    });
    const requestIds = fixture.settlement.held.slice(-callers.length).map(({ requestId }) => requestId);
    await eventually(() => {
      const served = fixture.served.filter(({ requestId }) => requestIds.includes(requestId));
      expect(served.map(({ finishReason }) => finishReason)).toEqual(callers.map(() => 'cancelled'));
    });
    // The way is free for the next.
    fixture.script(spell('fine'));
    expect((await fixture.openai().chat.completions.create(chat)).choices[0]?.message.content).toBe('fine');
  });
});
