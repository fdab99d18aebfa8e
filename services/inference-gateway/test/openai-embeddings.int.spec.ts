import { eventually } from '@openledger/testing';
import { GatewayFixture, POOR_KEY } from './gateway-fixture.js';

describe('embeddings by the official OpenAI client', () => {
  let fixture: GatewayFixture;

  beforeAll(async () => {
    fixture = await GatewayFixture.start({ BASE_IS_FREE: 'true' });
    await fixture.deploy('law');
    await eventually(() => fixture.openai().models.retrieve('law'));
  });
  afterAll(() => fixture.stop());

  /** What the worker of these tests answers. */
  const embeddingOf = (token: number) => [Math.cos(token), Math.sin(token)].map(Math.fround);
  const a = embeddingOf(97);
  const b = embeddingOf(98);

  it('embeds text and tokens, one or many, as floats and as base64', async () => {
    const cases: [string | string[] | number[] | number[][], number[][]][] = [
      ['a', [a]],
      [
        ['a', 'bb'],
        [a, b],
      ],
      [[97], [a]],
      [
        [[97], [98, 98]],
        [a, b],
      ],
    ];
    for (const encoding_format of ['float', 'base64', undefined] as const) {
      const format = encoding_format ? { encoding_format } : {};
      for (const [input, expected] of cases) {
        const { data, object, model, usage } = await fixture
          .openai()
          .embeddings.create({ model: 'law', input, ...format });
        expect({ object, model }).toEqual({ object: 'list', model: 'law' });
        // The client asks for base64 by itself and decodes it; asked for by hand, it stays as it is.
        const told = data.map(({ embedding }) =>
          encoding_format === 'base64' ? decode(embedding) : embedding,
        );
        expect(told).toEqual(expected);
        expect(data.map(({ index }) => index)).toEqual(expected.map((_, index) => index));
        const tokens = expected.length === 1 ? 1 : 3;
        expect(usage).toEqual({ prompt_tokens: tokens, total_tokens: tokens });
      }
    }
  });

  it('bills the tokens read, with a receipt that has none written', async () => {
    const { response } = await fixture
      .openai()
      .embeddings.create({ model: 'law', input: ['a', 'bb'] })
      .withResponse();
    const requestId = response.headers.get('x-openledger-request-id') ?? '';
    const held = fixture.settlement.held.find((hold) => hold.requestId === requestId);
    expect(held).toMatchObject({ promptTokens: 3, completionTokensMax: 0 });
    const event = await eventually(() => {
      const found = fixture.served.find((served) => served.requestId === requestId);
      if (!found) throw new Error('not served yet');
      return found;
    });
    expect(event).toMatchObject({
      usage: { promptTokens: 3, completionTokens: 0, cachedTokens: 0 },
      // The smallest fee there is: 3 tokens are far from a million.
      feeWei: '1',
      finishReason: 'stop',
    });
    expect(JSON.parse(event.workerReceipt?.statement ?? '{}')).toMatchObject({
      kind: 'embed',
      promptTokens: 3,
    });
    const blob = Buffer.from(await fixture.blobs.get(event.tokensBlob)).toString();
    expect(JSON.parse(blob)).toEqual({ promptTokens: [97, 98, 98], completionTokens: [] });
  });

  it('embeds by the base alone where that is free', async () => {
    const holds = fixture.settlement.held.length;
    const { data } = await fixture.openai().embeddings.create({ model: 'tiny', input: 'a' });
    expect(data[0]?.embedding).toEqual(a);
    expect(fixture.settlement.held).toHaveLength(holds);
    const asked = fixture.workers
      .flatMap(({ embeds }) => embeds)
      .filter(({ adapters }) => adapters.length === 0);
    expect(asked.map(({ tenant }) => tenant)).toEqual(['organisation-1']);
  });

  it('says what is wrong', async () => {
    const embed = (body: object, key?: string) =>
      fixture.openai(key).embeddings.create({ model: 'law', input: 'a', ...body });
    const refused = (status: number, code: string) => expect.objectContaining({ status, code });
    for (const [body, code] of [
      [{ input: '' }, 'prompt_invalid'],
      [{ input: [] }, 'request_invalid'],
      [{ input: [[1], 'a', {}] }, 'request_invalid'],
      [{ input: [300] }, 'prompt_invalid'],
      [{ input: Array.from({ length: 129 }, () => 'a') }, 'request_invalid'],
      [{ input: 'x'.repeat(600) }, 'context_length_exceeded'],
      [{ input: Array.from({ length: 100 }, () => 'x'.repeat(400)) }, 'input_too_long'],
      [{ dimensions: 3 }, 'unsupported_parameter'],
      [{ encoding_format: 'int8' }, 'request_invalid'],
    ] as const) {
      await expect(embed(body)).rejects.toEqual(refused(400, code));
    }
    await expect(embed({ input: '' })).rejects.toEqual(expect.objectContaining({ param: 'input' }));
    expect((await embed({ dimensions: 32 })).data).toHaveLength(1);
    await expect(embed({ model: 'nobody' })).rejects.toEqual(refused(404, 'model_not_found'));
    fixture.settlement.poor.add('organisation-poor');
    const embeds = () => fixture.workers.reduce((sum, worker) => sum + worker.embeds.length, 0);
    const before = embeds();
    await expect(embed({}, POOR_KEY)).rejects.toEqual(refused(402, 'insufficient_quota'));
    expect(embeds()).toBe(before);
  });
});

function decode(embedding: unknown): number[] {
  const bytes = Buffer.from(String(embedding), 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
