import { RunResponse } from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { GatewayFixture } from './gateway-fixture.js';
import { piece, type Script, sayAndHang, spell } from './worker-server.js';

/** Spells the seed, so that choices can be told apart. */
const spellSeed: Script = (request, signal) => spell(`seed ${request.sampling?.seed}`)(request, signal);

/** One token a character with made-up log-probabilities, as many beside it as asked for. */
const spellLogprobs = (text: string): Script =>
  async function* (request) {
    const count = request.sampling?.topLogprobs ?? -1;
    for await (const response of spell(text)(request, new AbortController().signal)) {
      const [token = 0] = response.tokens;
      const top = Array.from({ length: count }, (_, i) => ({ token: token + i, logprob: -0.5 - i, top: [] }));
      yield RunResponse.fromPartial({
        ...response,
        ...(count < 0 ? {} : { logprobs: [{ token, logprob: -0.5, top }] }),
      });
    }
  };

describe('what the official OpenAI client may ask of an answer', () => {
  let fixture: GatewayFixture;
  const chat = { model: 'law', messages: [{ role: 'user' as const, content: 'Hi' }] };
  const prompt = [...Buffer.from('user: Hi\nassistant: ')];

  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    await fixture.deploy('law');
    await eventually(() => fixture.openai().models.retrieve('law'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('fine')));

  const servedOf = (requestIds: readonly string[]) =>
    eventually(() =>
      requestIds.map((id) => {
        const found = fixture.served.find(({ requestId }) => requestId === id);
        if (!found) throw new Error('not served yet');
        return found;
      }),
    );
  const idsOf = (response: { readonly headers: Headers }) =>
    (response.headers.get('x-openledger-request-id') ?? '').split(', ');

  it('hands every sampling parameter to the worker', async () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' } } };
    const vllm = { top_k: 40, min_p: 0.05, repetition_penalty: 1.1, ignore_eos: true };
    const { response } = await fixture
      .openai()
      .chat.completions.create({
        ...chat,
        ...vllm,
        max_completion_tokens: 9,
        temperature: 0.5,
        top_p: 0.9,
        presence_penalty: 0.25,
        frequency_penalty: -0.5,
        logit_bias: { '65': 100, '66': -100 },
        seed: 11,
        stop: ['a', 'b'],
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } },
        user: 'somebody',
      })
      .withResponse();
    const [requestId] = idsOf(response);
    const run = fixture.runs.find((candidate) => candidate.requestId === requestId);
    expect(run?.sampling).toEqual({
      maxTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.05,
      seed: 11,
      stop: ['a', 'b'],
      presencePenalty: 0.25,
      frequencyPenalty: -0.5,
      repetitionPenalty: 1.1,
      logitBias: { 65: 100, 66: -100 },
      topLogprobs: undefined,
      jsonSchema: JSON.stringify(schema),
      ignoreEos: true,
    });
    await fixture.openai().chat.completions.create({ ...chat, response_format: { type: 'json_object' } });
    expect(fixture.runs.some(({ sampling }) => sampling?.jsonSchema === '{"type":"object"}')).toBe(true);
  });

  it('gives choices of seeds of their own, and bills the prompt once', async () => {
    fixture.script(spellSeed);
    const { data, response } = await fixture
      .openai()
      .chat.completions.create({ ...chat, n: 3, seed: 2 ** 32 - 1 })
      .withResponse();
    const texts = data.choices.map(({ message }) => message.content);
    expect(texts).toEqual(['seed 4294967295', 'seed 0', 'seed 1']);
    expect(data.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const written = texts.join('').length;
    expect(data.usage).toMatchObject({ prompt_tokens: prompt.length, completion_tokens: written });
    const requestIds = idsOf(response);
    expect(data.id).toBe(`chatcmpl-${requestIds[0]}`);
    const served = await servedOf(requestIds);
    expect(served.map(({ usage }) => usage?.promptTokens)).toEqual([prompt.length, 0, 0]);
    expect(served.reduce((sum, { usage }) => sum + (usage?.completionTokens ?? 0), 0)).toBe(written);
    for (const { tokensBlob } of served) {
      const blob = JSON.parse(Buffer.from(await fixture.blobs.get(tokensBlob)).toString());
      expect(blob.promptTokens).toEqual(prompt);
    }
    const held = fixture.settlement.held.filter(({ requestId }) => requestIds.includes(requestId));
    expect(held.map(({ promptTokens }) => promptTokens).toSorted()).toEqual([0, 0, prompt.length]);
  });

  it('tells why a choice has ended while others go on', async () => {
    const going = Promise.withResolvers<void>();
    fixture.script(async function* (request, signal) {
      yield piece(request, 'a', request.sampling?.seed === 1 ? 'stop' : '');
      if (request.sampling?.seed === 1) return;
      signal.addEventListener('abort', () => going.reject(new Error('left')));
      await going.promise;
      yield piece(request, 'b', 'length');
    });
    const stream = await fixture.openai().chat.completions.create({ ...chat, n: 2, seed: 1, stream: true });
    const finished: (readonly [number, string])[] = [];
    for await (const { choices } of stream) {
      for (const { index, finish_reason } of choices) {
        if (finish_reason !== null) finished.push([index, finish_reason]);
      }
      // The second choice goes on only when the first is known to have ended.
      if (finished.length > 0) going.resolve();
    }
    expect(finished).toEqual([
      [0, 'stop'],
      [1, 'length'],
    ]);
  });

  it('streams choices side by side', async () => {
    fixture.script(spellSeed);
    const stream = await fixture.openai().chat.completions.create({
      ...chat,
      n: 2,
      seed: 1,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ['', ''];
    const order: number[] = [];
    const finished: number[] = [];
    let total = 0;
    for await (const { choices, usage } of stream) {
      for (const { index, delta, finish_reason } of choices) {
        texts[index] += delta.content ?? '';
        order.push(index);
        if (finish_reason !== null) finished.push(index);
      }
      total = usage?.total_tokens ?? total;
    }
    expect(texts).toEqual(['seed 1', 'seed 2']);
    expect(finished.toSorted()).toEqual([0, 1]);
    // Neither waits for the end of the other.
    expect(order.indexOf(1)).toBeLessThan(order.lastIndexOf(0));
    expect(order.indexOf(0)).toBeLessThan(order.lastIndexOf(1));
    expect(total).toBe(prompt.length + 12);
  });

  it('answers several prompts at once, each n times', async () => {
    fixture.script((request, signal) => spell(`${request.promptTokens.length}`)(request, signal));
    const { choices, usage } = await fixture
      .openai()
      .completions.create({ model: 'law', prompt: ['a', 'abc'], n: 2 });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, '1'],
      [1, '1'],
      [2, '3'],
      [3, '3'],
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 4 });
    const mixed = await fixture.openai().completions.create({ model: 'law', prompt: [[97, 98], [99]] });
    expect(mixed.choices.map(({ text }) => text)).toEqual(['2', '1']);
    const many = Array.from({ length: 20 }, () => 'a');
    await expect(fixture.openai().completions.create({ model: 'law', prompt: many, n: 2 })).rejects.toEqual(
      expect.objectContaining({ status: 400, code: 'request_invalid', param: 'prompt' }),
    );
  });

  it("serves the client's own ways to stream and to parse", async () => {
    fixture.script(spell('{"sum":3}'));
    const schema = { type: 'object', properties: { sum: { type: 'integer' } }, required: ['sum'] };
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'sum', schema, strict: true },
    };
    const parsed = await fixture.openai().chat.completions.parse({ ...chat, response_format });
    expect(JSON.parse(parsed.choices[0]?.message.content ?? '')).toEqual({ sum: 3 });
    const runner = fixture.openai().chat.completions.stream({ ...chat, logprobs: false });
    const deltas: string[] = [];
    runner.on('content', (delta) => deltas.push(delta));
    const whole = await runner.finalChatCompletion();
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: '{"sum":3}' } });
    expect(deltas.join('')).toBe('{"sum":3}');
  });

  it('bills no choice when one breaks off', async () => {
    fixture.script(async function* (request) {
      if (request.sampling?.seed === 5) yield* spell('whole')(request, new AbortController().signal);
      else yield piece(request, 'b', '');
      if (request.sampling?.seed !== 5) throw new Error('the engine died');
    });
    const known = fixture.settlement.held.length;
    const asked = fixture.openai().chat.completions.create({ ...chat, n: 2, seed: 5 });
    await expect(asked).rejects.toEqual(expect.objectContaining({ status: 503 }));
    const held = fixture.settlement.held.slice(known).map(({ requestId }) => requestId);
    expect(held).toHaveLength(2);
    await eventually(() => expect(fixture.settlement.released).toEqual(expect.arrayContaining(held)));
    expect(fixture.served.some(({ requestId }) => held.includes(requestId))).toBe(false);
  });

  it('stops all choices when the caller leaves, who pays for what each had made', async () => {
    fixture.script(sayAndHang('ab'));
    const stopped = () => fixture.workers.reduce((sum, worker) => sum + worker.stopped.length, 0);
    const before = stopped();
    const stream = await fixture.openai().chat.completions.create({ ...chat, n: 3, stream: true });
    const texts = ['', '', ''];
    for await (const { choices } of stream) {
      for (const { index, delta } of choices) texts[index] += delta.content ?? '';
      if (texts.join('') === 'ababab') break;
    }
    await eventually(() => expect(stopped()).toBe(before + 3));
    const requestIds = fixture.settlement.held.slice(-3).map(({ requestId }) => requestId);
    const served = await servedOf(requestIds);
    for (const event of served) {
      expect(event).toMatchObject({ finishReason: 'cancelled', usage: { completionTokens: 2 } });
      // The worker's own last word came although nobody was there to read it.
      expect(JSON.parse(event.workerReceipt?.statement ?? '{}')).toMatchObject({ completionTokens: 2 });
    }
  });

  it('tells log-probabilities of a chat answer, token by token', async () => {
    fixture.script(spellLogprobs('hé'));
    const asked = { ...chat, logprobs: true, top_logprobs: 2 };
    const { choices } = await fixture.openai().chat.completions.create(asked);
    const content = choices[0]?.logprobs?.content ?? [];
    expect(content[0]).toEqual({
      token: 'h',
      logprob: -0.5,
      bytes: [104],
      top_logprobs: [
        { token: 'h', logprob: -0.5, bytes: [104] },
        { token: 'i', logprob: -1.5, bytes: [105] },
      ],
    });
    // Byte 0xe9 alone is no character.
    expect(content[1]).toMatchObject({ token: 'bytes:\\xe9', bytes: [233] });
    const stream = await fixture.openai().chat.completions.create({ ...asked, stream: true });
    const streamed = [];
    for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(content);
    const plain = await fixture.openai().chat.completions.create({ ...chat, logprobs: true });
    expect(plain.choices[0]?.logprobs?.content?.map(({ top_logprobs }) => top_logprobs)).toEqual([[], []]);
    const none = await fixture.openai().chat.completions.create(chat);
    expect(none.choices[0]?.logprobs).toBeNull();
  });

  it('tells log-probabilities of a completion as lists', async () => {
    fixture.script(spellLogprobs('abc'));
    const asked = { model: 'law', prompt: 'x', logprobs: 1 };
    const { choices } = await fixture.openai().completions.create(asked);
    expect(choices[0]?.logprobs).toEqual({
      tokens: ['a', 'b', 'c'],
      token_logprobs: [-0.5, -0.5, -0.5],
      top_logprobs: [{ a: -0.5 }, { b: -0.5 }, { c: -0.5 }],
      text_offset: [0, 1, 2],
    });
    const stream = await fixture.openai().completions.create({ ...asked, stream: true });
    const offsets: number[] = [];
    for await (const chunk of stream) offsets.push(...(chunk.choices[0]?.logprobs?.text_offset ?? []));
    expect(offsets).toEqual([0, 1, 2]);
  });

  it("passes a worker's word about a schema on", async () => {
    // biome-ignore lint/correctness/useYield: a refusal has no first message
    fixture.script(async function* () {
      throw new DomainError('invalid', 'JSON_SCHEMA_INVALID', '"$ref" points nowhere.');
    });
    const json_schema = { name: 'bad', schema: { $ref: '#/nowhere' } };
    const asked = fixture
      .openai()
      .chat.completions.create({ ...chat, response_format: { type: 'json_schema', json_schema } });
    await expect(asked).rejects.toEqual(
      expect.objectContaining({ status: 400, code: 'invalid_json_schema', param: 'response_format' }),
    );
  });
});
