import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VllmStandIn } from './vllm-stand-in.js';
import { WorkerFixture } from './worker-fixture.js';

describe('a worker that speaks for vLLM', () => {
  let dir: string;
  let upstream: VllmStandIn;
  let worker: WorkerFixture;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vllm-worker-'));
    upstream = await VllmStandIn.start();
    const env = { ENGINE: 'vllm', VLLM_ENDPOINT: upstream.url, VLLM_ADAPTER_DIR: join(dir, 'adapters') };
    worker = await WorkerFixture.start(env);
  });

  afterAll(async () => {
    await worker.stop();
    await upstream.stop();
    await rm(dir, { recursive: true });
  });

  it('answers gateways as any other, and says which engine it has', async () => {
    const adapter = await worker.adapter(1);
    const answer = await worker.run('hello', adapter);
    expect(answer).toMatchObject({
      text: 'adapter@'.concat(adapter.digest).slice(0, 12),
      finishReason: 'length',
    });
    expect([...answer.adapterDigests]).toEqual([adapter.digest]);
    expect(await worker.status()).toMatchObject({
      engine: 'vllm',
      baseName: 'tiny',
      poolAdapterDigests: [adapter.digest],
      running: 0,
    });
    const metrics = await worker.metrics();
    expect(metrics).toContain('vllm:num_requests_running');
    expect(metrics).toMatch(/openlora_adapter_load_seconds_count\{[^}]*outcome="loaded"[^}]*\} 1/);
  });
});
