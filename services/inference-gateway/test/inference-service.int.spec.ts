import { credentials, Metadata, status } from '@grpc/grpc-js';
import {
  type EmbedResponse,
  GenerateRequest,
  type GenerateResponse,
  InferenceServiceClient,
  RunResponse,
} from '@openledger/contracts';
import { eventually } from '@openledger/testing';
import { GatewayFixture, KEY, READ_ONLY_KEY } from './gateway-fixture.js';
import { sayAndHang, spell } from './worker-server.js';

describe('openledger.inference.v1.InferenceService', () => {
  let fixture: GatewayFixture;
  let client: InferenceServiceClient;
  const as = (key: string) => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${key}`);
    return metadata;
  };
  const key = as(KEY);

  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    await fixture.deploy('law');
    await eventually(() => fixture.openai().models.retrieve('law'));
    client = new InferenceServiceClient(
      `127.0.0.1:${fixture.gateway.grpcPort}`,
      credentials.createInsecure(),
    );
  });
  afterAll(async () => {
    client.close();
    await fixture.stop();
  });
  beforeEach(() => fixture.script(spell('fine')));

  const generate = (fields: Parameters<typeof GenerateRequest.fromPartial>[0], metadata = key) =>
    client.generate(
      GenerateRequest.fromPartial({ model: 'law', input: { $case: 'prompt', value: 'ab' }, ...fields }),
      metadata,
    );
  const read = async (call: AsyncIterable<unknown>) => {
    const responses: GenerateResponse[] = [];
    for await (const response of call) responses.push(response as GenerateResponse);
    return responses;
  };
  const embed = (inputs: string[], metadata = key, model = 'law') =>
    new Promise<EmbedResponse>((resolve, reject) => {
      client.embed({ model, inputs }, metadata, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  const refused = (code: status, details: string) =>
    expect.objectContaining({ code, details: expect.stringMatching(`^${details}: `) });

  it('hands all sampling on and tells log-probabilities', async () => {
    fixture.script(async function* (request) {
      for await (const response of spell('ab')(request, new AbortController().signal)) {
        const own = { token: response.tokens[0] ?? 0, logprob: -0.5, top: [] };
        yield RunResponse.fromPartial({ ...response, cachedTokens: 1, logprobs: [{ ...own, top: [own] }] });
      }
    });
    const sampling = {
      maxTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.05,
      seed: 7,
      stop: ['END'],
      presencePenalty: 1,
      frequencyPenalty: -1,
      repetitionPenalty: 1.5,
      logitBias: { 65: -100 },
      topLogprobs: 1,
      jsonSchema: '{"type":"string"}',
      ignoreEos: true,
    };
    const responses = await read(generate({ sampling }));
    expect(fixture.runs.at(-1)?.sampling).toEqual(sampling);
    expect(responses.flatMap(({ logprobs }) => logprobs)).toEqual([
      { token: 97, logprob: -0.5, top: [{ token: 97, logprob: -0.5, top: [] }] },
      { token: 98, logprob: -0.5, top: [{ token: 98, logprob: -0.5, top: [] }] },
    ]);
    expect(responses.at(-1)).toMatchObject({
      finishReason: 'stop',
      usage: { promptTokens: 2, completionTokens: 2, cachedTokens: 1 },
    });
  });

  it('stops the worker and bills what was made when the caller cancels', async () => {
    fixture.script(sayAndHang('abc'));
    const call = generate({});
    call.on('error', () => undefined);
    let text = '';
    const requestId = await new Promise<string>((resolve) => {
      call.on('data', (response: GenerateResponse) => {
        text += response.text;
        if (text === 'abc') resolve(response.requestId);
      });
    });
    call.cancel();
    await eventually(() => {
      const event = fixture.served.find((served) => served.requestId === requestId);
      expect(event).toMatchObject({ finishReason: 'cancelled', usage: { completionTokens: 3 } });
    });
    expect(fixture.workers.flatMap(({ stopped }) => stopped)).toContain(requestId);
  });

  it('embeds texts', async () => {
    const { requestId, embeddings, usage } = await embed(['a', 'bb']);
    const expected = [97, 98].map((token) => ({
      values: [Math.cos(token), Math.sin(token)].map(Math.fround),
    }));
    expect(embeddings).toEqual(expected);
    expect(usage).toMatchObject({ promptTokens: 3, completionTokens: 0 });
    await eventually(() => expect(fixture.served.map((served) => served.requestId)).toContain(requestId));
  });

  it('refuses what is out of bounds', async () => {
    for (const sampling of [
      { temperature: -1 },
      { topLogprobs: 21 },
      { presencePenalty: 3 },
      { logitBias: { 1: 200 } },
      { stop: [''] },
    ]) {
      await expect(read(generate({ sampling }))).rejects.toEqual(
        refused(status.INVALID_ARGUMENT, 'REQUEST_INVALID'),
      );
    }
    await expect(read(generate({ sampling: { jsonSchema: '{"type":' } }))).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'JSON_SCHEMA_INVALID'),
    );
    await expect(embed([])).rejects.toEqual(refused(status.INVALID_ARGUMENT, 'REQUEST_INVALID'));
    await expect(embed(['a'], key, 'nobody')).rejects.toEqual(refused(status.NOT_FOUND, 'MODEL_NOT_FOUND'));
    await expect(embed(['a'], as(READ_ONLY_KEY))).rejects.toEqual(
      refused(status.PERMISSION_DENIED, 'SCOPE_MISSING'),
    );
  });
});
