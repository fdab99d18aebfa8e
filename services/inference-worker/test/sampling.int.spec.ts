import { status } from '@grpc/grpc-js';
import type { RunResponse, Sampling, TokenLogprob } from '@openledger/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { WorkerFixture } from './worker-fixture.js';

describe('sampling through the worker', () => {
  let worker: WorkerFixture;
  beforeAll(async () => {
    worker = await WorkerFixture.start();
  });
  afterAll(() => worker.stop());

  const prompt = 'Once upon a time';
  const run = (sampling: Partial<Sampling>) => worker.run(prompt, undefined, sampling);
  const refused = (code: string) =>
    expect.objectContaining({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(`^${code}: `),
    });

  async function probabilities(sampling: Partial<Sampling>) {
    const found: { readonly tokens: readonly number[]; readonly logprobs: readonly TokenLogprob[] }[] = [];
    for await (const message of worker.call(prompt, undefined, sampling)) {
      const { tokens, logprobs } = message as RunResponse;
      found.push({ tokens, logprobs });
    }
    return found;
  }

  it('tells log-probabilities with the piece that carries the token', async () => {
    const pieces = await probabilities({ maxTokens: 6, topLogprobs: 3 });
    expect(pieces.flatMap(({ tokens }) => tokens)).toEqual((await run({ maxTokens: 6 })).tokens);
    for (const { tokens, logprobs } of pieces) {
      expect(logprobs.map(({ token }) => token)).toEqual(tokens);
      for (const { token, logprob, top } of logprobs) {
        // Greedy: the chosen one is the likeliest.
        expect(top.map((other) => other.logprob)).toEqual([logprob, top[1]?.logprob, top[2]?.logprob]);
        expect(top[0]?.token).toBe(token);
        expect(logprob).toBeLessThan(0);
        expect(logprob).toBeGreaterThanOrEqual(top[1]?.logprob ?? 0);
      }
    }
    const [first] = await probabilities({ maxTokens: 1, topLogprobs: 20, temperature: 1.5, topP: 0.5 });
    const [greedy] = await probabilities({ maxTokens: 1, topLogprobs: 20 });
    expect(first?.logprobs[0]?.top).toEqual(greedy?.logprobs[0]?.top);
    expect((await probabilities({ maxTokens: 2 })).every(({ logprobs }) => logprobs.length === 0)).toBe(true);
  });

  it('follows bias and penalties', async () => {
    const plain = await run({ maxTokens: 30 });
    const biased = await run({ maxTokens: 5, logitBias: { 65: 100 } });
    expect(biased.text).toBe('AAAAA');
    const penalised = await run({ maxTokens: 30, logitBias: { 65: 10 }, frequencyPenalty: 2 });
    const repeats = ({ tokens }: { tokens: readonly number[] }) => tokens.length - new Set(tokens).size;
    expect(repeats(penalised)).toBeLessThan(repeats(await run({ maxTokens: 30, logitBias: { 65: 10 } })));
    const fresh = await run({ maxTokens: 30, presencePenalty: 2, repetitionPenalty: 10 });
    expect(repeats(fresh)).toBeLessThanOrEqual(repeats(plain));
    const [first = -1] = plain.tokens;
    expect((await run({ maxTokens: 1, logitBias: { [first]: -100 } })).tokens).not.toContain(first);
  });

  it('goes on after the end of the sequence where asked to', async () => {
    const end = { 256: 100 };
    expect(await run({ logitBias: end })).toMatchObject({ tokens: [256], text: '', finishReason: 'stop' });
    const on = await run({ logitBias: end, ignoreEos: true, maxTokens: 4 });
    expect(on).toMatchObject({ tokens: [256, 256, 256, 256], text: '', finishReason: 'length' });
  });

  it('answers with what a JSON schema asks for, greedily and not, beside free answers', async () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 12 },
        kind: { enum: ['cat', 'dog'] },
        ages: {
          type: 'array',
          items: { type: 'integer', minimum: 0, maximum: 99 },
          minItems: 1,
          maxItems: 3,
        },
        note: { anyOf: [{ type: 'null' }, { type: 'boolean' }] },
      },
      required: ['name', 'kind', 'ages', 'note'],
      additionalProperties: false,
    };
    const validate = new Ajv2020().compile(schema);
    const jsonSchema = JSON.stringify(schema);
    const free = run({ maxTokens: 40 });
    const asked = [0, 1, 1, 1, 1, 1].map((temperature, seed) =>
      run({ jsonSchema, temperature, seed, maxTokens: 400, topLogprobs: 0 }),
    );
    for (const answer of await Promise.all(asked)) {
      expect(answer.finishReason).toBe('stop');
      expect(validate(JSON.parse(answer.text)) || answer.text).toBe(true);
    }
    expect(await free).toEqual(await run({ maxTokens: 40 }));
  });

  it('says when an answer was cut, and ends at a stop string also within a value', async () => {
    const jsonSchema = JSON.stringify({
      type: 'array',
      items: { type: 'string', minLength: 50 },
      minItems: 2,
    });
    const cut = await run({ jsonSchema, maxTokens: 20 });
    expect(cut.finishReason).toBe('length');
    expect(cut.text.startsWith('["') || cut.text.startsWith('[ "') || cut.text.startsWith('[\n')).toBe(true);
    const stopped = await run({ jsonSchema: '{"const":[1,2,3]}', stop: ['2'] });
    expect(stopped).toMatchObject({ text: '[1,', finishReason: 'stop' });
    // What lies outside the grammar stays outside, whatever the bias; probabilities are the model's own.
    const biased = await probabilities({
      jsonSchema: '{"const":true}',
      logitBias: { 65: 100 },
      topLogprobs: 1,
    });
    expect(Buffer.from(biased.flatMap(({ tokens }) => tokens)).toString()).toBe('true');
    const [first] = await probabilities({ maxTokens: 1, topLogprobs: 1 });
    expect(biased[0]?.logprobs[0]?.top).toEqual(first?.logprobs[0]?.top);
  });

  it('refuses before it starts, with a code', async () => {
    await expect(run({ jsonSchema: '{"type":' })).rejects.toEqual(refused('JSON_SCHEMA_INVALID'));
    await expect(run({ jsonSchema: '{"pattern":"^a"}' })).rejects.toEqual(refused('JSON_SCHEMA_UNSUPPORTED'));
    await expect(run({ jsonSchema: `{"title":"${'x'.repeat(70_000)}"}` })).rejects.toEqual(
      refused('JSON_SCHEMA_TOO_LARGE'),
    );
    await expect(run({ temperature: -1 })).rejects.toEqual(refused('SAMPLING_INVALID'));
    await expect(run({ logitBias: { 257: 1 } })).rejects.toEqual(refused('SAMPLING_INVALID'));
    await expect(run({ topLogprobs: 21 })).rejects.toEqual(refused('SAMPLING_INVALID'));
  });
});
