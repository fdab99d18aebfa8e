import { eventually } from '@openledger/testing';
import { ServedModels } from './served-models.js';

/** What OpenAI's client can ask for, answered by the real engine. */
describe('the official OpenAI client before a real worker', () => {
  let models: ServedModels;
  const chat = {
    model: 'model-0',
    messages: [{ role: 'user' as const, content: 'What do you know?' }],
    max_tokens: 12,
  };
  const create = (fields: object) =>
    models.client.chat.completions.create({ ...chat, ...fields, stream: false });

  beforeAll(async () => {
    models = await ServedModels.start(2);
  });
  afterAll(() => models.stop());

  it('gives choices that are those of their seeds alone, and bills the prompt once', async () => {
    const sampled = { temperature: 1.2, seed: 40 };
    const { choices, usage } = await create({ ...sampled, n: 3 });
    const alone = await Promise.all(
      [40, 41, 42].map(async (seed) => (await create({ ...sampled, seed })).choices[0]?.message.content),
    );
    expect(choices.map(({ message }) => message.content)).toEqual(alone);
    expect(new Set(alone).size).toBe(3);
    const one = await create(sampled);
    expect(usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    const stream = await models.client.chat.completions.create({ ...chat, ...sampled, n: 3, stream: true });
    const streamed = ['', '', ''];
    for await (const chunk of stream)
      for (const { index, delta } of chunk.choices) streamed[index] += delta.content ?? '';
    expect(streamed).toEqual(alone);
  });

  it('gives more answers at once than the worker has rows, also to a slow reader', async () => {
    const prompt = ['a', 'b', 'c', 'd'];
    const stream = await models.client.completions.create({
      model: 'model-1',
      prompt,
      n: 8,
      max_tokens: 6,
      stream: true,
      ...{ ignore_eos: true },
    });
    const finished = new Set<number>();
    for await (const { choices } of stream) {
      for (const { index, finish_reason } of choices) if (finish_reason === 'length') finished.add(index);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect([...finished].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, i) => i));
  });

  it('leaves nothing running when callers vanish, at whatever instant', async () => {
    const vanishing = Array.from({ length: 24 }, async (_, i) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 4 * i);
      const asked = { ...chat, ...{ ignore_eos: true }, n: 1 + (i % 3), max_tokens: 400 };
      const { signal } = controller;
      const stream = i % 2 === 0;
      const answer = await models.client.chat.completions.create({ ...asked, stream }, { signal });
      if ('choices' in answer) return;
      for await (const _chunk of answer);
    });
    await Promise.allSettled(vanishing);
    await eventually(async () => {
      for (const name of ['vllm:num_requests_running', 'vllm:num_requests_waiting'])
        expect(await models.workerMetric(name)).toBe(0);
    });
    expect((await create({})).choices).toHaveLength(1);
  });

  it('tells log-probabilities that are probabilities, greedy tokens the likeliest', async () => {
    const { choices } = await create({ temperature: 0, logprobs: true, top_logprobs: 5 });
    const content = choices[0]?.logprobs?.content ?? [];
    expect(content).toHaveLength(12);
    for (const { token, logprob, bytes, top_logprobs } of content) {
      expect(logprob).toBeLessThanOrEqual(0);
      expect(bytes).toHaveLength(1);
      expect(top_logprobs).toHaveLength(5);
      expect(top_logprobs[0]).toMatchObject({ token, logprob });
      const shares = top_logprobs.map((one) => Math.exp(one.logprob));
      expect(shares).toEqual(shares.toSorted((a, b) => b - a));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-6);
    }
    const completion = await models.client.completions.create({
      model: 'model-0',
      prompt: 'ab',
      max_tokens: 4,
      logprobs: 2,
    });
    expect(completion.choices[0]?.logprobs?.tokens).toHaveLength(4);
  });

  it('obeys bias and penalties', async () => {
    const forced = await create({ logit_bias: { '65': 100 }, temperature: 0 });
    expect(forced.choices[0]?.message.content).toBe('A'.repeat(12));
    const varied = await create({ logit_bias: { '65': 4 }, frequency_penalty: 2, temperature: 0 });
    expect(varied.choices[0]?.message.content).not.toBe('A'.repeat(12));
  });

  it('writes JSON of the schema that was asked for', async () => {
    const schema = {
      type: 'object',
      properties: { kind: { enum: ['cat', 'dog'] }, legs: { type: 'integer', minimum: 0, maximum: 9 } },
      required: ['kind', 'legs'],
      additionalProperties: false,
    };
    for (const seed of [1, 2, 3]) {
      const { choices } = await create({
        seed,
        max_tokens: 200,
        temperature: 1,
        response_format: { type: 'json_schema', json_schema: { name: 'animal', schema, strict: true } },
      });
      expect(choices[0]?.finish_reason).toBe('stop');
      const animal = JSON.parse(choices[0]?.message.content ?? '') as { kind: string; legs: number };
      expect(Object.keys(animal).toSorted()).toEqual(['kind', 'legs']);
      expect(['cat', 'dog']).toContain(animal.kind);
      expect(Number.isInteger(animal.legs) && animal.legs >= 0 && animal.legs <= 9).toBe(true);
    }
    const bad = { type: 'json_schema', json_schema: { name: 'bad', schema: { type: 'nonsense' } } };
    await expect(create({ response_format: bad })).rejects.toEqual(
      expect.objectContaining({ status: 400, code: 'invalid_json_schema', param: 'response_format' }),
    );
  });

  it('embeds: unit length, the same for the same input, another for another adapter', async () => {
    const embed = async (model: string, input: string | string[]) =>
      (await models.client.embeddings.create({ model, input })).data.map(({ embedding }) => embedding);
    const [first = [], second = []] = await embed('model-0', ['the heart', 'the law']);
    expect(first).toHaveLength(32);
    for (const vector of [first, second]) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    const [alone = []] = await embed('model-0', 'the heart');
    expect(cosine(alone, first)).toBeCloseTo(1, 5);
    expect(cosine(first, second)).toBeLessThan(0.999);
    const [other = []] = await embed('model-1', 'the heart');
    const [base = []] = await embed('tiny', 'the heart');
    expect(cosine(first, other)).toBeLessThan(0.999);
    expect(cosine(first, base)).toBeLessThan(0.999);
    await eventually(() => {
      const embedded = models.served.filter(({ usage }) => usage?.completionTokens === 0);
      expect(embedded).toHaveLength(3);
      for (const { workerReceipt } of embedded)
        expect(JSON.parse(workerReceipt?.statement ?? '{}')).toMatchObject({ kind: 'embed' });
    });
  });

  it('ends the run of a caller who leaves, whose receipt the worker has signed', async () => {
    const known = models.served.length;
    const stream = await models.client.chat.completions.create({
      ...chat,
      ...{ ignore_eos: true },
      max_tokens: 400,
      stream: true,
    });
    let chunks = 0;
    for await (const _ of stream) {
      chunks += 1;
      if (chunks === 5) break;
    }
    const event = await eventually(() => {
      const found = models.served.slice(known).at(-1);
      if (!found) throw new Error('not billed yet');
      return found;
    });
    expect(event.finishReason).toBe('cancelled');
    expect(event.usage?.completionTokens).toBeLessThan(400);
    expect(JSON.parse(event.workerReceipt?.statement ?? '{}')).toMatchObject({
      finishReason: 'cancelled',
      completionTokens: event.usage?.completionTokens,
    });
  });
});

const cosine = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
