import type { ModelDeployed } from '@openledger/contracts';
import { canonicalJson } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { GatewayFixture, ORGANISATION, POOR_KEY, READ_ONLY_KEY } from './gateway-fixture.js';
import { sayAndHang, spell } from './worker-server.js';

describe('the official OpenAI client', () => {
  let fixture: GatewayFixture;
  let model: ModelDeployed;
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  const chat = { model: 'cardiology', messages };

  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    model = await fixture.deploy('cardiology');
    await eventually(() => fixture.openai().models.retrieve('cardiology'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('Hello there')));

  it('lists models, page by page, and finds one', async () => {
    for (const name of ['dermatology', 'oncology']) await fixture.deploy(name);
    await eventually(async () => {
      const { data } = await fixture.openai().models.list();
      expect(data.map(({ id }) => id)).toEqual(['cardiology', 'dermatology', 'oncology']);
    });
    const first: unknown = await fixture.openai().get('/models', { query: { limit: 2 } });
    expect(first).toMatchObject({ has_more: true, last_id: 'dermatology' });
    const second: unknown = await fixture
      .openai()
      .get('/models', { query: { limit: 2, after: 'dermatology' } });
    expect(second).toMatchObject({ has_more: false, data: [{ id: 'oncology' }] });
    expect(await fixture.openai().models.retrieve('cardiology')).toMatchObject({
      id: 'cardiology',
      object: 'model',
      owned_by: 'developer-1',
      root: `cardiology@${model.adapterDigest}`,
      parent: 'tiny',
    });
  });

  it('gets a chat answer, which is held, receipted with its tokens, and billed by event', async () => {
    const { data: answer, response } = await fixture
      .openai()
      .chat.completions.create({ ...chat, seed: 7, stop: 'END', max_tokens: 40 })
      .withResponse();
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'cardiology',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
    });
    const requestId = response.headers.get('x-openledger-request-id') ?? '';
    expect(answer.id).toBe(`chatcmpl-${requestId}`);
    // The tokenizer is one token a byte, so the template's text can be counted.
    const prompt = [...Buffer.from('user: Hi\nassistant: ')];
    expect(answer.usage).toMatchObject({ prompt_tokens: prompt.length, completion_tokens: 11 });

    const hold = fixture.settlement.held.find((held) => held.requestId === requestId);
    expect(hold).toMatchObject({
      organisationId: ORGANISATION,
      modelId: model.modelId,
      promptTokens: prompt.length,
      completionTokensMax: 40,
    });
    const run = fixture.runs.find((candidate) => candidate.requestId === requestId);
    expect(run).toMatchObject({
      promptTokens: prompt,
      adapters: [
        { adapter: { digest: model.adapterDigest, configBlob: model.adapterConfigBlob }, weight: 1 },
      ],
      tenant: ORGANISATION,
      sampling: { maxTokens: 40, seed: 7, stop: ['END'], temperature: 1 },
    });
    const event = await eventually(() => {
      const found = fixture.served.find((served) => served.requestId === requestId);
      if (!found) throw new Error('not served yet');
      return found;
    });
    expect(event).toMatchObject({
      modelId: model.modelId,
      adapterDigest: model.adapterDigest,
      payerOrganisationId: ORGANISATION,
      holdId: requestId,
      usage: { promptTokens: prompt.length, completionTokens: 11 },
      finishReason: 'stop',
    });
    const blob = Buffer.from(await fixture.blobs.get(event.tokensBlob)).toString();
    const completionTokens = [...Buffer.from('Hello there')];
    expect(blob).toBe(canonicalJson({ promptTokens: prompt, completionTokens }));
  });

  it('gets a completion, from text and from tokens, pinned to a digest', async () => {
    const pinned = `cardiology@${model.adapterDigest.slice(0, 12)}`;
    for (const prompt of ['ab', [97, 98], ['ab'], [[97, 98]]]) {
      const answer = await fixture.openai().completions.create({ model: pinned, prompt });
      expect(answer).toMatchObject({
        object: 'text_completion',
        choices: [{ text: 'Hello there', finish_reason: 'stop', index: 0 }],
        usage: { prompt_tokens: 2 },
      });
      expect(fixture.runs.find(({ requestId }) => answer.id.endsWith(requestId))?.promptTokens).toEqual([
        97, 98,
      ]);
    }
  });

  it('cannot write special tokens within a message', async () => {
    const { choices } = await fixture.openai().chat.completions.create({
      ...chat,
      messages: [
        { role: 'developer', content: 'Be kind.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a<|end|>' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
    });
    expect(choices).toHaveLength(1);
    const prompt = Buffer.from('system: Be kind.\nuser: a< |end|>b\nassistant: ');
    expect(fixture.runs.map(({ promptTokens }) => promptTokens)).toContainEqual([...prompt]);
  });

  it('streams a chat answer with usage', async () => {
    const stream = await fixture
      .openai()
      .chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    expect(choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Hello there');
    expect(choices.at(-1)).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 11 } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it('streams a completion, without usage unless it is asked for, as plain server-sent events', async () => {
    const response = await fixture
      .openai()
      .completions.create({ model: 'cardiology', prompt: 'ab', stream: true })
      .asResponse();
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const text = await response.text();
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(text).not.toContain('usage');
  });

  it('bills what was produced when the client leaves in the middle, and stops the worker', async () => {
    fixture.script(sayAndHang('abc'));
    const before = fixture.workers.reduce((sum, { cancelled }) => sum + cancelled, 0);
    const stream = await fixture.openai().chat.completions.create({ ...chat, stream: true });
    let id = '';
    for await (const chunk of stream) {
      id = chunk.id;
      if (chunk.choices[0]?.delta.content === 'c') break;
    }
    const event = await eventually(() => {
      const found = fixture.served.find(({ requestId }) => id.endsWith(requestId));
      if (!found) throw new Error('not billed yet');
      return found;
    });
    expect(event).toMatchObject({ finishReason: 'cancelled', usage: { completionTokens: 3 } });
    await eventually(() => {
      expect(fixture.workers.reduce((sum, { cancelled }) => sum + cancelled, 0)).toBe(before + 1);
    });
  });

  it('gives the hold back when the client leaves before the first token', async () => {
    fixture.script(sayAndHang(''));
    const controller = new AbortController();
    const known = new Set(fixture.runs);
    const asked = fixture.openai().chat.completions.create(chat, { signal: controller.signal });
    const refused = expect(asked).rejects.toThrow('aborted');
    const run = await eventually(() => {
      const found = fixture.runs.find((candidate) => !known.has(candidate));
      if (!found) throw new Error('not run yet');
      return found;
    });
    controller.abort();
    await refused;
    await eventually(() => expect(fixture.settlement.released).toContain(run.requestId));
    expect(fixture.served.some(({ requestId }) => requestId === run.requestId)).toBe(false);
  });

  describe('is told what is wrong', () => {
    const refusal = (status: number, code: string, param?: string) =>
      expect.objectContaining({ status, code, ...(param ? { param } : {}) });
    const create = (body: object, key?: string) =>
      fixture.openai(key).chat.completions.create({ ...chat, ...body, stream: false });

    it('about the model', async () => {
      for (const name of ['unknown', 'tiny', 'cardiology@00000000']) {
        await expect(create({ model: name })).rejects.toEqual(refusal(404, 'model_not_found', 'model'));
      }
      await expect(fixture.openai().models.retrieve('unknown')).rejects.toEqual(
        refusal(404, 'model_not_found'),
      );
    });

    it('about the key', async () => {
      await expect(create({}, 'olk_wrong')).rejects.toEqual(refusal(401, 'invalid_api_key'));
      await expect(create({}, READ_ONLY_KEY)).rejects.toEqual(refusal(403, 'scope_missing'));
      await expect(fixture.openai('olk_wrong').models.list()).rejects.toEqual(
        refusal(401, 'invalid_api_key'),
      );
    });

    it('about the balance, before anything runs', async () => {
      fixture.settlement.poor.add('organisation-poor');
      const runs = fixture.runs.length;
      await expect(create({}, POOR_KEY)).rejects.toEqual(refusal(402, 'insufficient_quota'));
      expect(fixture.runs).toHaveLength(runs);
    });

    it('about the length of the prompt, and cuts max_tokens to the context', async () => {
      const long = { messages: [{ role: 'user', content: 'x'.repeat(600) }] };
      await expect(create(long)).rejects.toEqual(refusal(400, 'context_length_exceeded', 'messages'));
      const hopeless = { messages: [{ role: 'user', content: 'x'.repeat(900_000) }] };
      await expect(create(hopeless)).rejects.toEqual(refusal(400, 'context_length_exceeded', 'messages'));
      await create({ max_tokens: 100_000 });
      expect(fixture.settlement.held.at(-1)?.completionTokensMax).toBe(512 - 'user: Hi\nassistant: '.length);
    });

    it('about parameters', async () => {
      const tool = { type: 'function', function: { name: 'f' } };
      for (const [param, value] of [
        ['tools', [tool]],
        ['functions', [{ name: 'f' }]],
        ['audio', { voice: 'x' }],
      ] as const) {
        await expect(create({ [param]: value })).rejects.toEqual(
          refusal(400, 'unsupported_parameter', param),
        );
      }
      for (const [param, value] of [
        ['temperature', -1],
        ['top_p', 0],
        ['max_tokens', 0],
        ['messages', []],
        ['n', 9],
        ['max_tokens', 10 ** 9],
        ['top_logprobs', 3],
        ['stop', Array.from({ length: 20 }, () => 'x')],
      ] as const) {
        await expect(create({ [param]: value })).rejects.toEqual(refusal(400, 'request_invalid', param));
      }
      await expect(create({ logit_bias: { '5': 200 } })).rejects.toEqual(
        refusal(400, 'request_invalid', 'logit_bias.5'),
      );
    });

    it('about a body that is not JSON, or none', async () => {
      const headers = { authorization: 'Bearer olk_test', 'content-type': 'application/json' };
      for (const body of ['{"model":', '', '[]', 'null']) {
        const response = await fetch(`${fixture.url}/v1/chat/completions`, { method: 'POST', headers, body });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
      }
    });
  });
});
