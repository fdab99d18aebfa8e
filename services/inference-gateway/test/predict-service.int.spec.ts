import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  GRPCInferenceServiceClient,
  ModelInferRequest,
  type ModelInferResponse,
  type ModelStreamInferResponse,
} from '@openledger/contracts';
import { eventually } from '@openledger/testing';
import { GatewayFixture, KEY, READ_ONLY_KEY } from './gateway-fixture.js';
import { sayAndHang, spell } from './worker-server.js';

type Done<T> = (error: ServiceError | null, response: T) => void;
const answer = <T>(ask: (done: Done<T>) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    ask((error, response) => (error ? reject(error) : resolve(response)));
  });

describe('the Open Inference Protocol', () => {
  let fixture: GatewayFixture;
  let client: GRPCInferenceServiceClient;
  let digest: string;
  const as = (key: string) => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${key}`);
    return metadata;
  };
  const key = as(KEY);

  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    digest = (await fixture.deploy('law')).adapterDigest;
    await fixture.deploy('elsewhere', { baseDigest: 'e'.repeat(64) });
    await eventually(() => fixture.openai().models.retrieve('law'));
    const address = `127.0.0.1:${fixture.gateway.grpcPort}`;
    client = new GRPCInferenceServiceClient(address, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await fixture.stop();
  });
  beforeEach(() => fixture.script(spell('fine')));

  const tensor = (text: string | Uint8Array) => ({
    name: 'text_input',
    datatype: 'BYTES',
    shape: [1],
    contents: { bytesContents: [Buffer.from(text)] },
  });
  const request = (fields: Parameters<typeof ModelInferRequest.fromPartial>[0] = {}) =>
    ModelInferRequest.fromPartial({ modelName: 'law', id: '7', inputs: [tensor('ab')], ...fields });
  const infer = (fields: Parameters<typeof request>[0] = {}, metadata = key) =>
    answer<ModelInferResponse>((done) => client.modelInfer(request(fields), metadata, done));
  const textOf = (response: ModelInferResponse | undefined) =>
    response?.outputs[0]?.contents?.bytesContents[0]?.toString();
  const parameterOf = (response: ModelInferResponse | undefined, name: string) =>
    response?.parameters[name]?.parameterChoice?.value;

  it('is live and ready, on gRPC and on REST, and says what it is', async () => {
    const none = new Metadata();
    expect(await answer((done) => client.serverLive({}, none, done))).toEqual({ live: true });
    expect(await answer((done) => client.serverReady({}, none, done))).toEqual({ ready: true });
    expect(await answer((done) => client.serverMetadata({}, none, done))).toMatchObject({
      name: 'openledger',
    });
    for (const [path, body] of [
      ['live', { live: true }],
      ['ready', { ready: true }],
    ] as const) {
      const response = await fetch(`${fixture.url}/v2/health/${path}`);
      expect([response.status, await response.json()]).toEqual([200, body]);
    }
  });

  it('is not ready while no worker is heard of', async () => {
    const none = new Metadata();
    const law = { name: 'law', version: '' };
    const told = async () => ({
      server: await answer((done) => client.serverReady({}, none, done)),
      model: await answer((done) => client.modelReady(law, key, done)),
      probe: (await fetch(`${fixture.url}/v2/health/ready`)).status,
    });
    const heard = Promise.withResolvers<void>();
    for (const worker of fixture.workers) worker.beforeStatus = () => heard.promise;
    const away = { server: { ready: false }, model: { ready: false }, probe: 503 };
    await eventually(async () => expect(await told()).toEqual(away));
    heard.resolve();
    const back = { server: { ready: true }, model: { ready: true }, probe: 200 };
    await eventually(async () => expect(await told()).toEqual(back));
  });

  it('refuses names that are none, without repeating them', async () => {
    const asked = (name: string) => answer((done) => client.modelReady({ name, version: '' }, key, done));
    for (const name of ['', 'a\0b', 'x'.repeat(100_000)]) {
      const refusal = await asked(name).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: status.NOT_FOUND });
      expect((refusal as Error).message.length).toBeLessThan(1_000);
    }
  });

  it('describes a model and whether it can be asked', async () => {
    const law = { name: 'law', version: '' };
    const metadata = await answer((done) => client.modelMetadata(law, key, done));
    const text = { datatype: 'BYTES', shape: [1] };
    expect(metadata).toEqual({
      name: 'law',
      versions: [digest],
      platform: 'openledger_text',
      inputs: [{ name: 'text_input', ...text }],
      outputs: [{ name: 'text_output', ...text }],
    });
    const isReady = (name: string, version = '') =>
      answer((done) => client.modelReady({ name, version }, key, done));
    expect(await isReady('law')).toEqual({ ready: true });
    expect(await isReady('law', digest.slice(0, 12))).toEqual({ ready: true });
    expect(await isReady('elsewhere')).toEqual({ ready: false });
    await expect(isReady('law', '00000000')).rejects.toEqual(
      expect.objectContaining({ code: status.NOT_FOUND }),
    );
  });

  it('infers, with sampling by parameters, and bills', async () => {
    const response = await infer({
      parameters: {
        max_tokens: { parameterChoice: { $case: 'int64Param', value: 9 } },
        temperature: { parameterChoice: { $case: 'doubleParam', value: 0.5 } },
        seed: { parameterChoice: { $case: 'uint64Param', value: 5 } },
        stop: { parameterChoice: { $case: 'stringParam', value: 'END' } },
        ignore_eos: { parameterChoice: { $case: 'boolParam', value: true } },
      },
    });
    expect(response).toMatchObject({ modelName: 'law', modelVersion: digest, id: '7' });
    expect(response.outputs[0]).toMatchObject({ name: 'text_output', datatype: 'BYTES', shape: [1] });
    expect(textOf(response)).toBe('fine');
    expect(parameterOf(response, 'finish_reason')).toBe('stop');
    expect(parameterOf(response, 'completion_tokens')).toBe(4);
    const requestId = parameterOf(response, 'request_id');
    const run = fixture.runs.find((candidate) => candidate.requestId === requestId);
    expect(run?.promptTokens).toEqual([97, 98]);
    expect(run?.sampling).toMatchObject({
      maxTokens: 9,
      temperature: 0.5,
      seed: 5,
      stop: ['END'],
      ignoreEos: true,
      topP: 1,
      repetitionPenalty: 1,
    });
    await eventually(() => expect(fixture.served.map((event) => event.requestId)).toContain(requestId));
  });

  it('answers raw contents in raw contents', async () => {
    const bare = { ...tensor(''), contents: undefined };
    const raw = Buffer.from('\u0002\0\0\0ab');
    const response = await infer({ inputs: [bare], rawInputContents: [raw] });
    expect(response.outputs[0]?.contents).toBeUndefined();
    expect(response.rawOutputContents).toEqual([Buffer.from('\u0004\0\0\0fine')]);
  });

  it('streams answers to several requests, and what is wrong with one within the stream', async () => {
    const call = client.modelStreamInfer(key);
    call.write(request({ id: 'first' }));
    call.write(request({ id: 'second', modelName: 'nobody' }));
    call.write(request({ id: 'third' }));
    call.end();
    const responses: ModelStreamInferResponse[] = [];
    for await (const response of call) responses.push(response as ModelStreamInferResponse);
    const of = (id: string) => responses.filter(({ inferResponse }) => inferResponse?.id === id);
    for (const id of ['first', 'third']) {
      const pieces = of(id).map(({ inferResponse }) => inferResponse);
      expect(pieces.map(textOf).join('')).toBe('fine');
      expect(pieces.map((piece) => parameterOf(piece, 'triton_final_response'))).toEqual([
        false,
        false,
        false,
        false,
        true,
      ]);
    }
    expect(of('second')).toEqual([
      expect.objectContaining({ errorMessage: expect.stringMatching(/^MODEL_NOT_FOUND: /) }),
    ]);
  });

  it('stops the worker when a streaming caller leaves', async () => {
    fixture.script(sayAndHang('abc'));
    const call = client.modelStreamInfer(key);
    call.on('error', () => undefined);
    call.write(request());
    let text = '';
    await new Promise<void>((resolve) => {
      call.on('data', ({ inferResponse }: ModelStreamInferResponse) => {
        text += textOf(inferResponse) ?? '';
        if (text === 'abc') resolve();
      });
    });
    call.cancel();
    const requestId = fixture.settlement.held.at(-1)?.requestId;
    await eventually(() => {
      const event = fixture.served.find((served) => served.requestId === requestId);
      expect(event).toMatchObject({ finishReason: 'cancelled', usage: { completionTokens: 3 } });
    });
    expect(fixture.workers.flatMap(({ stopped }) => stopped)).toContain(requestId);
  });

  it('refuses with a status and a stable code', async () => {
    const refused = (code: status, details: string) =>
      expect.objectContaining({ code, details: expect.stringMatching(`^${details}: `) });
    const invalid = refused(status.INVALID_ARGUMENT, 'TENSOR_INVALID');
    for (const fields of [
      { inputs: [] },
      { inputs: [tensor('a'), tensor('b')] },
      { inputs: [{ ...tensor('a'), name: 'prompt' }] },
      { inputs: [{ ...tensor('a'), datatype: 'FP32' }] },
      { inputs: [{ ...tensor('a'), shape: [2] }] },
      { inputs: [{ ...tensor('a'), contents: { bytesContents: [] } }] },
      { inputs: [tensor(Uint8Array.of(0xff, 0xfe))] },
      { outputs: [{ name: 'logits' }] },
      { rawInputContents: [Buffer.from('\u0009\0\0\0ab')] },
      { rawInputContents: [Buffer.from('a')] },
    ]) {
      await expect(infer(fields)).rejects.toEqual(invalid);
    }
    const parameters = (name: string, value: number) => ({
      parameters: { [name]: { parameterChoice: { $case: 'doubleParam' as const, value } } },
    });
    for (const [name, value] of [
      ['temperature', -1],
      ['max_tokens', 0],
      ['unheard_of', 1],
    ] as const) {
      await expect(infer(parameters(name, value))).rejects.toEqual(
        refused(status.INVALID_ARGUMENT, 'REQUEST_INVALID'),
      );
    }
    await expect(infer({ modelName: 'nobody' })).rejects.toEqual(
      refused(status.NOT_FOUND, 'MODEL_NOT_FOUND'),
    );
    await expect(infer({}, new Metadata())).rejects.toEqual(
      refused(status.UNAUTHENTICATED, 'CREDENTIAL_MISSING'),
    );
    await expect(infer({}, as(READ_ONLY_KEY))).rejects.toEqual(
      refused(status.PERMISSION_DENIED, 'SCOPE_MISSING'),
    );
    const stream = client.modelStreamInfer(as('olk_wrong'));
    const read = async () => {
      for await (const _ of stream);
    };
    await expect(read()).rejects.toEqual(refused(status.UNAUTHENTICATED, 'CREDENTIAL_UNKNOWN'));
  });
});
