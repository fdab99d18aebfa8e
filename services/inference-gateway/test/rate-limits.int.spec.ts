import { eventually } from '@openledger/testing';
import { FEW_REQUESTS_KEY, FEW_TOKENS_KEY, GatewayFixture, KEY } from './gateway-fixture.js';
import { sayAndHang, spell } from './worker-server.js';

describe('limits of a key', () => {
  let fixture: GatewayFixture;
  const chat = { model: 'cardiology', messages: [{ role: 'user' as const, content: 'Hi' }], max_tokens: 20 };

  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    await fixture.deploy('cardiology');
    await eventually(() => fixture.openai().models.retrieve('cardiology'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('Hello there')));

  const headersOf = async (key: string) => {
    const { response } = await fixture.openai(key).chat.completions.create(chat).withResponse();
    return Object.fromEntries(
      ['limit', 'remaining', 'reset'].flatMap((what) =>
        ['requests', 'tokens'].map((unit) => [
          `${what}-${unit}`,
          response.headers.get(`x-ratelimit-${what}-${unit}`),
        ]),
      ),
    );
  };

  it('are told with every answer, and are the platform’s where the key has none', async () => {
    expect(await headersOf(KEY)).toMatchObject({
      'limit-requests': '3000',
      'remaining-requests': expect.stringMatching(/^(2999|3000)$/),
      'limit-tokens': '10000000',
      'reset-requests': expect.stringMatching(/^\d+ms$/),
    });
  });

  it('refuse a request too many with 429, and say when to come back', async () => {
    expect(await headersOf(FEW_REQUESTS_KEY)).toMatchObject({
      'limit-requests': '2',
      'remaining-requests': '1',
    });
    await headersOf(FEW_REQUESTS_KEY);
    const runs = fixture.runs.length;
    const refused = await fixture
      .openai(FEW_REQUESTS_KEY)
      .chat.completions.create(chat)
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    const { headers } = refused as { headers: Headers };
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(30);
    expect(Number(headers.get('retry-after-ms'))).toBeGreaterThan(20_000);
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(fixture.runs).toHaveLength(runs);
    // Before any work is done for it: its text is not even read.
    const endless = { ...chat, messages: [{ role: 'user' as const, content: 'Hi'.repeat(400_000) }] };
    await expect(fixture.openai(FEW_REQUESTS_KEY).chat.completions.create(endless)).rejects.toMatchObject({
      status: 429,
    });
    expect(await fixture.metrics()).toContain('openlora_rejected_total{reason="requests"} 2');
    // Another key of the same organisation is not touched.
    await fixture.openai().chat.completions.create(chat);
  });

  it('count the tokens that were used, not those that were allowed', async () => {
    const left = async () => Number((await headersOf(FEW_TOKENS_KEY))['remaining-tokens']);
    // Set aside while the answer is made: 20 tokens of prompt and at most 20 of answer; a few flow in meanwhile.
    expect(await left()).toBeLessThan(75);
    // The answer had 11.
    expect(await left()).toBeGreaterThanOrEqual(100 - 32 - 41);
    const over = fixture.openai(FEW_TOKENS_KEY).chat.completions.create({ ...chat, max_tokens: 90 });
    await expect(over).rejects.toMatchObject({ status: 400, code: 'request_over_limit' });
    const exhausted = fixture.openai(FEW_TOKENS_KEY).chat.completions.create({ ...chat, max_tokens: 70 });
    await expect(exhausted).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  });

  it('give back what a caller who left did not use', async () => {
    const leave = new AbortController();
    fixture.script(sayAndHang('Hel'));
    const stream = await fixture
      .openai()
      .chat.completions.create({ ...chat, stream: true, max_tokens: 400 }, { signal: leave.signal });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'l') leave.abort();
    fixture.script(spell('Hello there'));
    await eventually(async () => {
      const { 'remaining-tokens': remaining } = await headersOf(KEY);
      expect(Number(remaining)).toBeGreaterThan(10_000_000 - 400);
    });
  });
});
