import { type ServiceError, status } from '@grpc/grpc-js';
import {
  type AdapterReference,
  RunEmbedRequest,
  type RunEmbedResponse,
  RunRequest,
  type RunResponse,
} from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { serviceMetadata } from '@openledger/service-host';
import { eventually } from '@openledger/testing';
import { bytes } from './engine-fixture.js';
import { SERVICE_TOKEN, WorkerFixture } from './worker-fixture.js';

const refused = (code: status, name: string) =>
  expect.objectContaining({ code, details: expect.stringMatching(`^${name}: `) });
const invalid = (name: string) => refused(status.INVALID_ARGUMENT, name);

describe('the worker', () => {
  let worker: WorkerFixture;
  let adapters: AdapterReference[];
  beforeAll(async () => {
    worker = await WorkerFixture.start({ BATCH_ROWS_MAX: '4', QUEUE_MAX: '40', PREFILL_CHUNK_TOKENS: '64' });
    adapters = await Promise.all([1, 2, 3, 4, 5].map((seed) => worker.adapter(seed)));
  });
  afterAll(() => worker.stop());

  const metadata = serviceMetadata(SERVICE_TOKEN);
  const weigh = (...weights: readonly number[]) =>
    weights.map((weight, index) => ({ adapter: adapters[index], weight }));
  const start = (request: Parameters<typeof RunRequest.fromPartial>[0]) =>
    worker.client.run(
      RunRequest.fromPartial({ requestId: newId(), promptTokens: bytes('hello'), ...request }),
      metadata,
    );
  const read = async (call: AsyncIterable<RunResponse>) => {
    const responses: RunResponse[] = [];
    for await (const response of call) responses.push(response);
    return {
      tokens: responses.flatMap(({ tokens }) => tokens),
      digests: responses.map(({ adapterDigests }) => adapterDigests.join()),
      cached: responses[0]?.cachedTokens,
      finishReason: responses.at(-1)?.finishReason,
      receipt: responses.at(-1)?.receipt,
    };
  };
  const run = (request: Parameters<typeof RunRequest.fromPartial>[0]) =>
    read(start(request) as AsyncIterable<RunResponse>);
  const embed = (request: Parameters<typeof RunEmbedRequest.fromPartial>[0]) =>
    new Promise<RunEmbedResponse>((resolve, reject) => {
      const asked = RunEmbedRequest.fromPartial({ requestId: newId(), ...request });
      worker.client.runEmbed(asked, metadata, (error: ServiceError | null, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  const stop = (requestId: string) =>
    new Promise<void>((resolve, reject) => {
      worker.client.stopRun({ requestId }, metadata, (error) => (error ? reject(error) : resolve()));
    });
  const sampling = { maxTokens: 16, ignoreEos: true };

  it('adds several adapters up, each times its weight', async () => {
    const one = await run({ adapters: weigh(1), sampling });
    const both = await run({ adapters: weigh(1, 0.5), sampling });
    expect(new Set(both.digests)).toEqual(new Set([`${adapters[0]?.digest},${adapters[1]?.digest}`]));
    expect(both.tokens).not.toEqual(one.tokens);
    // No weight is weight 1, and a weight of almost nothing is the other adapter alone.
    expect((await run({ adapters: weigh(0, 0.5), sampling })).tokens).toEqual(both.tokens);
    expect((await run({ adapters: weigh(1, 1e-12), sampling })).tokens).toEqual(one.tokens);
    expect(both.receipt?.statement).toContain('"weight":0.5');
  });

  it.each([
    ['not a number', [Number.NaN]],
    ['negative', [-1]],
    ['absurd', [1e9]],
    ['infinite', [Number.POSITIVE_INFINITY]],
    ['too many', [1, 1, 1, 1, 1]],
  ])('refuses weights that are %s', async (_, weights) => {
    await expect(run({ adapters: weigh(...weights) })).rejects.toEqual(invalid('ADAPTERS_INVALID'));
    await expect(embed({ inputs: [{ tokens: [1] }], adapters: weigh(...weights) })).rejects.toEqual(
      invalid('ADAPTERS_INVALID'),
    );
  });

  it('refuses an adapter that is named twice or not at all', async () => {
    const [adapter] = adapters;
    const twice = [
      { adapter, weight: 1 },
      { adapter, weight: 2 },
    ];
    await expect(run({ adapters: twice })).rejects.toEqual(invalid('ADAPTERS_INVALID'));
    await expect(run({ adapters: [{ weight: 1 }] })).rejects.toEqual(invalid('ADAPTER_REFERENCE_INVALID'));
  });

  it('tells what it did not compute again, to nobody but the tenant', async () => {
    const promptTokens = bytes('The same long beginning of every question of this tenant. '.repeat(4));
    const tenant = 'prefix-tenant';
    const first = await run({ promptTokens, tenant, sampling });
    const again = await run({ promptTokens, tenant, sampling });
    expect([first.cached, again.cached]).toEqual([0, 192]);
    expect(again.tokens).toEqual(first.tokens);
    expect((await run({ promptTokens, tenant: 'other', sampling })).cached).toBe(0);
    expect(JSON.parse(again.receipt?.statement ?? '')).toMatchObject({ cachedTokens: 192 });
  });

  it('stops a run by its name, and its last message still comes', async () => {
    const requestId = newId();
    const call = start({ requestId, sampling: { maxTokens: 480, ignoreEos: true } });
    const answer = read(call as AsyncIterable<RunResponse>);
    await new Promise((resolve) => call.once('data', resolve));
    await stop(requestId);
    const { finishReason, tokens, receipt } = await answer;
    expect(finishReason).toBe('cancelled');
    expect(tokens.length).toBeLessThan(480);
    expect(JSON.parse(receipt?.statement ?? '')).toMatchObject({
      finishReason: 'cancelled',
      completionTokens: tokens.length,
    });
    await stop(requestId);
    await stop('');
    await stop('never heard of');
  });

  it('embeds inputs in their order', async () => {
    const inputs = ['one', 'two', 'one'].map((text) => ({ tokens: bytes(text) }));
    const { embeddings, receipt, adapterDigests } = await embed({ inputs, adapters: weigh(1) });
    expect(embeddings.map(({ values }) => values.length)).toEqual([32, 32, 32]);
    expect(embeddings[2]).toEqual(embeddings[0]);
    expect(embeddings[1]).not.toEqual(embeddings[0]);
    expect(adapterDigests).toEqual([adapters[0]?.digest]);
    expect(receipt?.signature).toHaveLength(64);
    const plain = await embed({ inputs });
    expect(plain.embeddings[0]).not.toEqual(embeddings[0]);
  });

  it('refuses inputs that cannot be embedded', async () => {
    await expect(embed({ inputs: [] })).rejects.toEqual(invalid('EMBED_INPUTS_INVALID'));
    const many = Array.from({ length: 257 }, () => ({ tokens: [1] }));
    await expect(embed({ inputs: many })).rejects.toEqual(invalid('EMBED_INPUTS_INVALID'));
    await expect(embed({ inputs: [{ tokens: [1] }, { tokens: [] }] })).rejects.toEqual(
      invalid('PROMPT_EMPTY'),
    );
    await expect(embed({ inputs: [{ tokens: [99_999] }] })).rejects.toEqual(invalid('TOKEN_UNKNOWN'));
    const long = { tokens: bytes('x'.repeat(512)) };
    await expect(embed({ inputs: [long] })).rejects.toEqual(invalid('CONTEXT_LENGTH_EXCEEDED'));
    // More inputs than the queue holds: all or nothing, and nothing stays behind.
    await expect(embed({ inputs: many.slice(0, 200) })).rejects.toEqual(
      refused(status.RESOURCE_EXHAUSTED, 'OVERLOADED'),
    );
    await eventually(async () =>
      expect(await worker.status()).toMatchObject({ running: 0, waiting: 0, queuedTokens: 0 }),
    );
  });

  it('tells its load', async () => {
    await run({ adapters: weigh(1), sampling });
    const call = start({ adapters: weigh(1), sampling: { maxTokens: 400, ignoreEos: true } });
    call.on('error', () => undefined);
    await new Promise((resolve) => call.once('data', resolve));
    await eventually(async () => expect(await worker.status()).toMatchObject({ running: 1, rowsMax: 4 }));
    const busy = await worker.status();
    expect(busy.queuedTokens).toBeGreaterThan(10);
    expect(busy.queuedTokens).toBeLessThanOrEqual(405);
    expect(busy.kvUsage).toBeGreaterThan(0);
    expect(busy.poolAdapterDigests).toContain(adapters[0]?.digest);
    expect(busy.prefillTokensPerSecond).toBeGreaterThan(0);
    expect(busy.decodeTokensPerSecond).toBeGreaterThan(0);
    call.cancel();
    await eventually(async () =>
      expect(await worker.status()).toMatchObject({ running: 0, queuedTokens: 0, kvUsage: 0 }),
    );
  });

  it('measures itself under the names of vLLM and its own', async () => {
    await run({ sampling });
    const metrics = await worker.metrics();
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]);
    for (const name of [
      'vllm:time_to_first_token_seconds_count',
      'vllm:inter_token_latency_seconds_count',
      'vllm:e2e_request_latency_seconds_count',
      'vllm:request_queue_time_seconds_count',
      'vllm:request_prefill_time_seconds_count',
      'vllm:request_decode_time_seconds_count',
      'vllm:request_prompt_tokens_count',
      'vllm:request_generation_tokens_count',
      'vllm:iteration_tokens_total_count',
      'vllm:prompt_tokens_total',
      'vllm:generation_tokens_total',
      'vllm:prefix_cache_queries_total',
      'vllm:prefix_cache_hits_total',
      'vllm:request_success_total{finished_reason="length"}',
      'vllm:request_success_total{finished_reason="abort"}',
      'openlora_step_seconds_count{phase="decode"}',
      'openlora_step_seconds_count{phase="prefill"}',
      'openlora_step_distinct_adapters_count',
      'openlora_rejected_total{reason="requests"}',
    ]) {
      expect([name, value(name.replace(/[{}]/g, '\\$&'))]).toEqual([name, expect.any(Number)]);
      expect(value(name.replace(/[{}]/g, '\\$&'))).toBeGreaterThan(0);
    }
    for (const name of ['vllm:num_requests_running', 'openlora_queue_tokens', 'openlora_vtc_gap_tokens']) {
      expect([name, value(name)]).toEqual([name, 0]);
    }
    expect(metrics).toMatch(/^vllm:cache_config_info\{block_size="64",num_gpu_blocks="\d+"\} 1$/m);
    expect(metrics).toMatch(/^vllm:lora_requests_info\{max_lora="4",running_lora_adapters="/m);
    expect(metrics).toMatch(/^vllm:num_preemptions_total \d+$/m);
  });
});
