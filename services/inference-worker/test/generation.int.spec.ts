import { status } from '@grpc/grpc-js';
import { RunRequest } from '@openledger/contracts';
import { eventually } from '@openledger/testing';
import { WorkerFixture } from './worker-fixture.js';

const refused = (code: status, name: string) =>
  expect.objectContaining({ code, details: expect.stringMatching(`^${name}: `) });

describe('the worker', () => {
  let worker: WorkerFixture;
  beforeAll(async () => {
    worker = await WorkerFixture.start();
  });
  afterAll(() => worker.stop());

  it('answers greedily, the same each time, up to the tokens asked for', async () => {
    const first = await worker.run('Once upon a time');
    expect(first).toMatchObject({ finishReason: 'length', adapterDigests: new Set(['']) });
    expect(first.tokens).toHaveLength(12);
    expect(await worker.run('Once upon a time')).toEqual(first);
    expect(Buffer.from(first.tokens).toString()).toBe(first.text);
  });

  it('draws the same answer from the same seed, and another from another', async () => {
    const hot = { temperature: 1.5, maxTokens: 24 };
    const first = await worker.run('seeded', undefined, { ...hot, seed: 5 });
    expect(await worker.run('seeded', undefined, { ...hot, seed: 5 })).toEqual(first);
    expect((await worker.run('seeded', undefined, { ...hot, seed: 6 })).tokens).not.toEqual(first.tokens);
    const topOne = await worker.run('seeded', undefined, { ...hot, seed: 6, topK: 1 });
    expect(topOne.tokens).toEqual((await worker.run('seeded', undefined, { maxTokens: 24 })).tokens);
  });

  it('reads a prompt in chunks exactly as in one piece', async () => {
    const whole = await WorkerFixture.start({ PREFILL_CHUNK_TOKENS: '512' });
    try {
      const prompt = 'The patient was seen in the clinic. '.repeat(9);
      expect((await worker.run(prompt)).tokens).toEqual((await whole.run(prompt)).tokens);
    } finally {
      await whole.stop();
    }
  });

  it('ends at a stop string without telling it', async () => {
    const { text } = await worker.run('Once upon a time', undefined, { maxTokens: 40 });
    const stop = text.slice(5, 8);
    const cut = await worker.run('Once upon a time', undefined, { maxTokens: 40, stop: [stop] });
    expect(cut.finishReason).toBe('stop');
    expect(cut.text).toBe(text.slice(0, text.indexOf(stop)));
  });

  it('ends at the limit of the context', async () => {
    const answer = await worker.run('x'.repeat(505), undefined, { maxTokens: 100 });
    expect(answer).toMatchObject({ finishReason: 'length' });
    expect(answer.tokens).toHaveLength(7);
    await expect(worker.run('x'.repeat(512))).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'CONTEXT_LENGTH_EXCEEDED'),
    );
    await expect(worker.run('')).rejects.toEqual(refused(status.INVALID_ARGUMENT, 'PROMPT_EMPTY'));
  });

  it('frees the row of a caller that leaves', async () => {
    const call = worker.call('long', undefined, { maxTokens: 500 });
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    await eventually(async () => expect(await worker.status()).toMatchObject({ running: 0, waiting: 0 }));
  });

  it('is closed to callers from outside the platform', async () => {
    const call = worker.client.run(RunRequest.fromPartial({ promptTokens: [1] }));
    const read = async () => {
      for await (const response of call) throw new Error(`answered ${JSON.stringify(response)}`);
    };
    await expect(read()).rejects.toEqual(refused(status.UNAUTHENTICATED, 'SERVICE_TOKEN_INVALID'));
  });

  it('counts under the names of vLLM', async () => {
    await worker.run('count me', undefined, { maxTokens: 3 });
    const metrics = await worker.metrics();
    expect(metrics).toMatch(/^vllm:num_requests_running 0$/m);
    expect(metrics).toMatch(/^vllm:num_requests_waiting 0$/m);
    expect(Number(/^vllm:generation_tokens_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(3);
    expect(metrics).toMatch(/^vllm:time_to_first_token_seconds_count [1-9]/m);
  });
});

describe('a worker with little room', () => {
  let worker: WorkerFixture;
  beforeAll(async () => {
    worker = await WorkerFixture.start({ BATCH_ROWS_MAX: '2', QUEUE_MAX: '2' });
  });
  afterAll(() => worker.stop());

  it('queues what exceeds the batch and refuses what exceeds the queue', async () => {
    const asked = Array.from({ length: 7 }, (_, index) =>
      worker.run(`request ${index}`, undefined, { maxTokens: 400 }),
    );
    const results = await Promise.allSettled(asked);
    const served = results.filter((result) => result.status === 'fulfilled');
    expect(served).toHaveLength(4);
    for (const { value } of served) expect(value.tokens.length).toBeGreaterThan(0);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toEqual(refused(status.RESOURCE_EXHAUSTED, 'OVERLOADED'));
      }
    }
    expect(await worker.run('afterwards')).toMatchObject({ finishReason: 'length' });
  });
});
