import { credentials, Metadata, status } from '@grpc/grpc-js';
import { type GenerateRequest, type GenerateResponse, InferenceServiceClient } from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { GatewayFixture, KEY } from './gateway-fixture.js';
import { piece, type Script, spell } from './worker-server.js';

const overloaded: Script = () => refuse('exhausted', 'OVERLOADED');
const withoutAdapter: Script = () => refuse('unavailable', 'ADAPTER_UNAVAILABLE');

// biome-ignore lint/correctness/useYield: a refusal has no first message
async function* refuse(kind: 'exhausted' | 'unavailable', code: string): ReturnType<Script> {
  throw new DomainError(kind, code, 'Not now.');
}

const breakOff: Script = async function* (request) {
  yield piece(request, 'a', '');
  throw new Error('the engine died');
};

describe('the gateway and its workers', () => {
  let fixture: GatewayFixture;
  const chat = { model: 'law', messages: [{ role: 'user' as const, content: 'Hi' }] };

  beforeAll(async () => {
    fixture = await GatewayFixture.start({ BASE_IS_FREE: 'true' });
    await fixture.deploy('law');
    await eventually(() => fixture.openai().models.retrieve('law'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('fine')));

  /** The worker that the adapter's requests go to first. */
  async function home() {
    const counts = fixture.workers.map(({ requests }) => requests.length);
    await fixture.openai().chat.completions.create(chat);
    const index = fixture.workers.findIndex(({ requests }, at) => requests.length > (counts[at] ?? 0));
    const [first, second] = fixture.workers;
    return index === 0 ? { first, second } : { first: second, second: first };
  }

  it('tries another worker when the first refuses, and tells the caller when all do', async () => {
    const { first, second } = await home();
    for (const script of [overloaded, withoutAdapter]) {
      first.script = script;
      // A full worker is left alone for a moment.
      await eventually(async () => {
        const answer = await fixture.openai().chat.completions.create(chat);
        expect(answer.choices[0]?.message.content).toBe('fine');
        expect(second.requests.at(-1)?.requestId).toBe(first.requests.at(-1)?.requestId);
      });
    }
    fixture.script(overloaded);
    const refused = expect.objectContaining({ status: 429, code: 'overloaded' });
    await expect(fixture.openai().chat.completions.create(chat)).rejects.toEqual(refused);
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const response = await fetch(`${fixture.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify(chat),
    });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
    fixture.script(withoutAdapter);
    const missing = expect.objectContaining({ status: 503, code: 'adapter_unavailable' });
    await expect(fixture.openai().chat.completions.create(chat)).rejects.toEqual(missing);
    const unserved = fixture.settlement.held.slice(-2).map(({ requestId }) => requestId);
    expect(fixture.settlement.released).toEqual(expect.arrayContaining(unserved));
  });

  it('holds the worker back while a caller does not read', async () => {
    let told = 0;
    const pieces = 2_000;
    fixture.script(async function* (request) {
      for (; told < pieces; told += 1) yield { ...piece(request, 'x', ''), text: 'x'.repeat(65_536) };
      yield piece(request, 'x', 'stop');
    });
    const controller = new AbortController();
    const body = JSON.stringify({ ...chat, stream: true });
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const { signal } = controller;
    const response = await fetch(`${fixture.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body,
      signal,
    });
    expect(response.status).toBe(200);
    const settled = await eventually(async () => {
      const before = told;
      // A round trip through the same event loop, several times over.
      for (let ping = 0; ping < 20; ping += 1) await fetch(`${fixture.url}/health/live`);
      expect(told).toBe(before);
      return told;
    });
    expect(settled).toBeGreaterThan(0);
    // 128 MB were to be told; what is on its way fits the buffers of two connections.
    expect(settled).toBeLessThan(400);
    controller.abort();
    const requestId = response.headers.get('x-openledger-request-id');
    await eventually(() => {
      expect(fixture.served.find((served) => served.requestId === requestId)?.finishReason).toBe('cancelled');
    });
  });

  it('bills nothing for an answer that breaks off, and says so within the stream', async () => {
    fixture.script(breakOff);
    const stream = await fixture.openai().chat.completions.create({ ...chat, stream: true });
    const read = async () => {
      for await (const chunk of stream) expect(chunk.choices[0]?.finish_reason).toBeNull();
    };
    await expect(read()).rejects.toThrow();
    const requestId = fixture.settlement.held.at(-1)?.requestId ?? '';
    await eventually(() => expect(fixture.settlement.released).toContain(requestId));
    expect(fixture.runs.filter((run) => run.requestId === requestId)).toHaveLength(1);
    expect(fixture.served.some((served) => served.requestId === requestId)).toBe(false);
  });

  it('never bills an answer that another adapter gave', async () => {
    fixture.script(async function* (request) {
      yield { ...piece(request, 'a', 'stop'), adapterDigests: ['f'.repeat(64)] };
    });
    const internal = expect.objectContaining({ status: 500, code: 'internal' });
    await expect(fixture.openai().chat.completions.create(chat)).rejects.toEqual(internal);
    const requestId = fixture.settlement.held.at(-1)?.requestId ?? '';
    expect(fixture.settlement.released).toContain(requestId);
  });

  it('keeps a name with the organisation that deployed it first', async () => {
    const foreign = await fixture.deploy('law', { developerOrganisationId: 'someone-else' });
    const newer = await fixture.deploy('law');
    await eventually(async () => {
      expect(await fixture.openai().models.retrieve('law')).toMatchObject({
        root: `law@${newer.adapterDigest}`,
      });
    });
    const pinned = `law@${foreign.adapterDigest}`;
    await expect(fixture.openai().models.retrieve(pinned)).rejects.toEqual(
      expect.objectContaining({ status: 404 }),
    );
  });

  it('refuses a model of another base, and serves its own base free where that is allowed', async () => {
    await fixture.deploy('elsewhere', { baseDigest: 'e'.repeat(64) });
    const unavailable = expect.objectContaining({ status: 503, code: 'model_base_unavailable' });
    await eventually(() =>
      expect(fixture.openai().models.retrieve('elsewhere')).rejects.toEqual(unavailable),
    );
    const holds = fixture.settlement.held.length;
    const answer = await fixture.openai().chat.completions.create({ ...chat, model: 'tiny' });
    expect(answer.choices[0]?.message.content).toBe('fine');
    expect(fixture.settlement.held).toHaveLength(holds);
    expect((await fixture.openai().models.list()).data[0]).toMatchObject({ id: 'tiny', parent: null });
  });

  describe('over gRPC', () => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${KEY}`);
    let client: InferenceServiceClient;
    beforeAll(() => {
      const address = `127.0.0.1:${fixture.gateway.grpcPort}`;
      client = new InferenceServiceClient(address, credentials.createInsecure());
    });
    afterAll(() => client.close());

    const prompt: GenerateRequest['input'] = { $case: 'prompt', value: 'ab' };
    const generate = async (
      request: Partial<GenerateRequest>,
      as = metadata,
    ): Promise<GenerateResponse[]> => {
      const responses: GenerateResponse[] = [];
      const call = client.generate(
        { model: 'law', input: prompt, sampling: undefined, context: [], ...request },
        as,
      );
      for await (const response of call) responses.push(response as GenerateResponse);
      return responses;
    };

    it('streams an answer and ends with its usage', async () => {
      const responses = await generate({});
      expect(responses.map(({ text }) => text).join('')).toBe('fine');
      expect(responses.at(-1)).toMatchObject({
        finishReason: 'stop',
        usage: { promptTokens: 2, completionTokens: 4 },
      });
      const requestId = responses[0]?.requestId;
      const run = fixture.runs.find((request) => request.requestId === requestId);
      expect(run?.sampling).toMatchObject({ maxTokens: 64, temperature: 0, topP: 1 });
      await eventually(() => expect(fixture.served.map((served) => served.requestId)).toContain(requestId));
    });

    it('lists models', async () => {
      const { models } = await new Promise<{ models: { name: string }[] }>((resolve, reject) => {
        client.listModels({ pageSize: 1, pageToken: '' }, metadata, (error, response) => {
          if (error) reject(error);
          else resolve(response);
        });
      });
      expect(models.map(({ name }) => name)).toEqual(['tiny']);
    });

    it('refuses with status and stable code', async () => {
      const refused = (code: status, details: string) =>
        expect.objectContaining({ code, details: expect.stringMatching(`^${details}: `) });
      await expect(generate({}, new Metadata())).rejects.toEqual(
        refused(status.UNAUTHENTICATED, 'CREDENTIAL_MISSING'),
      );
      await expect(generate({ model: 'nobody' })).rejects.toEqual(
        refused(status.NOT_FOUND, 'MODEL_NOT_FOUND'),
      );
      await expect(generate({ input: undefined })).rejects.toEqual(
        refused(status.INVALID_ARGUMENT, 'REQUEST_INVALID'),
      );
    });
  });
});

it('does not blame the caller when services have different tokens', async () => {
  const fixture = await GatewayFixture.start({ SERVICE_TOKEN: 'not-the-token-of-the-others' });
  try {
    await fixture.deploy('law');
    await eventually(() => fixture.openai().models.retrieve('law'));
    const chat = { model: 'law', messages: [{ role: 'user' as const, content: 'Hi' }] };
    const refused = expect.objectContaining({ status: 503, code: 'platform_misconfigured' });
    await expect(fixture.openai().chat.completions.create(chat)).rejects.toEqual(refused);
  } finally {
    await fixture.stop();
  }
}, 30_000);
