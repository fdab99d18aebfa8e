import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@openledger/config';
import { WorkerConfig } from '../src/config.js';
import { WorkerFixture } from './worker-fixture.js';

describe('the kernels of a worker', () => {
  it.each(['float32', 'int8', 'int4', 'auto'])('answer by the setting: %s', async (precision) => {
    const planDir = await mkdtemp(join(tmpdir(), 'plans-'));
    const worker = await WorkerFixture.start({ ENGINE_PRECISION: precision, ENGINE_PLAN_DIR: planDir });
    try {
      const { tokens, finishReason } = await worker.run('abc', undefined, { maxTokens: 6 });
      expect(tokens).toHaveLength(6);
      expect(finishReason).toBe('length');
      // A model this small is not worth a trial, and an ordered precision needs none.
      expect(await readdir(planDir)).toEqual([]);
    } finally {
      await worker.stop();
      await rm(planDir, { recursive: true });
    }
  });

  it('refuses a precision or a provider that does not exist', () => {
    const env = { MODEL_DIR: 'm', BLOB_DIR: 'b' };
    expect(() => loadConfig(WorkerConfig, { ...env, ENGINE_PRECISION: 'int2' })).toThrow('ENGINE_PRECISION');
    expect(() => loadConfig(WorkerConfig, { ...env, ENGINE_PROVIDER: 'tpu' })).toThrow('ENGINE_PROVIDER');
  });

  it('does not start on a processor that this machine does not have', async () => {
    const started = WorkerFixture.start({ ENGINE_PROVIDER: 'cuda', ENGINE_PRECISION: 'float32' });
    await expect(started).rejects.toThrow('Nothing can be computed on cuda here');
  });

  it('does not start with a precision that the processor has no kernels for', async () => {
    const started = WorkerFixture.start({ ENGINE_PRECISION: 'int8', ENGINE_PROVIDER: 'webgpu' });
    await expect(started).rejects.toThrow(/Nothing can be computed on webgpu here|no kernels for int8/);
  });
});
