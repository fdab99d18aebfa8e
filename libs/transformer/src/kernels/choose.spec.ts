import { tinyModels } from '../../test/tiny-model.js';
import { allowedPrecisions, chooseKernels, rowsAreIndependent } from './choose.js';
import { layerClasses } from './decide.js';

describe('trials of kernels', () => {
  it('time every allowed kernel for every shape, and find rows that stand alone', async () => {
    const { plan, timings } = await chooseKernels(tinyModels.llama, { rows: 3, threads: 1 });
    expect(timings).toHaveLength(3 * layerClasses.length);
    for (const { oneRowMs, rowsMs, rowIndependent } of timings) {
      expect(oneRowMs).toBeGreaterThan(0);
      expect(rowsMs).toBeGreaterThan(0);
      expect(rowIndependent).toBe(true);
    }
    expect(plan.size).toBe(7 * tinyModels.llama.layerCount + 1);
  });

  it('try nothing that the caller or the processor excludes', async () => {
    const { plan, timings } = await chooseKernels(tinyModels.llama, {
      rows: 2,
      threads: 1,
      allowed: ['int8'],
    });
    expect(new Set(timings.map(({ precision }) => precision))).toEqual(new Set(['int8']));
    expect(new Set(plan.values())).toEqual(new Set(['int8']));
    expect(allowedPrecisions({ provider: 'cuda' })).toEqual(['int4', 'float32']);
    expect(allowedPrecisions({ provider: 'webgpu', allowed: ['int8'] })).toEqual(['float32']);
  });

  it('tell a kernel whose rows depend on their batch', async () => {
    const width = 4;
    const rows = (count: number, shift: number) =>
      Promise.resolve(
        Float32Array.from({ length: count * width }, (_, at) => Math.floor(at / width) + shift),
      );
    const steady = async (first: number, count: number) => (await rows(count, first)).slice();
    expect(await rowsAreIndependent(steady, [5, 9])).toBe(true);
    // The last bit of one number, and only in the larger batch.
    const shaky = async (first: number, count: number) => {
      const result = await rows(count, first);
      if (count === 9) result[8 * width + 2] = Math.fround(8 * (1 + 2 ** -23));
      return result;
    };
    expect(await rowsAreIndependent(shaky, [5])).toBe(true);
    expect(await rowsAreIndependent(shaky, [5, 9])).toBe(false);
  });
});
