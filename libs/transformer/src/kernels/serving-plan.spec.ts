import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomTokens, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { planFor } from '../graph/precision.js';
import { calibrationWindows } from './calibration.js';
import { calibrationText } from './calibration-text.js';
import { PlanStore } from './plan-store.js';
import { servingPlan } from './serving-plan.js';

const tiny = tinyModels.llama;
const model = { config: tiny, weights: tinyWeights(tiny), digest: 'a' };
const calibration = () => Promise.resolve(randomTokens(200, tiny, 1));
const options = { rows: 2, threads: 1, calibration };

describe('the plan of a start', () => {
  it('obeys a precision that was ordered, if the processor has it', async () => {
    const { plan, source } = await servingPlan(model, { ...options, precision: 'int8' });
    expect(source).toBe('ordered');
    expect(plan).toEqual(planFor(tiny, 'int8'));
    await expect(servingPlan(model, { ...options, precision: 'int8', provider: 'cuda' })).rejects.toEqual(
      expect.objectContaining({ code: 'PRECISION_UNAVAILABLE' }),
    );
  });

  it('leaves a small model exact without a trial or a text', async () => {
    const unread = () => Promise.reject(new Error('the text was read'));
    const { plan, source } = await servingPlan(model, { ...options, precision: 'auto', calibration: unread });
    expect(source).toBe('small');
    expect(plan).toEqual(planFor(tiny, 'float32'));
  });

  it('measures any other model once and finds the plan again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'));
    try {
      let read = 0;
      const text = () => {
        read += 1;
        return calibration();
      };
      const auto = {
        ...options,
        precision: 'auto',
        folder,
        calibration: text,
        smallModelWeights: 0,
      } as const;
      const first = await servingPlan(model, auto);
      expect(first.source).toBe('measured');
      expect(first.perplexityRatio).toBeLessThanOrEqual(1.01);
      expect(first.timings.length).toBeGreaterThan(0);
      const again = await servingPlan(model, auto);
      expect(again).toEqual({ ...first, source: 'stored', timings: [] });
      expect(read).toBe(1);
      expect((await servingPlan(model, { ...auto, rows: 3 })).source).toBe('measured');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('stored plans', () => {
  const conditions = {
    model: 'm',
    processor: 'p',
    runtime: '1',
    provider: 'cpu',
    rows: 1,
    threads: undefined,
    limit: 1.01,
  };
  const guarded = { plan: planFor(tiny, 'int8'), perplexityRatio: 1.001, widened: [] };

  it.each<[string, string]>([
    ['no JSON', '{"plan"'],
    ['another shape', '[]'],
    ['an unknown precision', JSON.stringify({ plan: { a: 'int2' }, perplexityRatio: 1, widened: [] })],
    ['layers of another model', JSON.stringify({ plan: { a: 'int8' }, perplexityRatio: 1, widened: [] })],
  ])('that hold %s are not used', async (_, text) => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'));
    try {
      const store = new PlanStore(folder, tiny);
      await Promise.all([1, 2, 3].map(() => store.keep(conditions, guarded)));
      expect(await store.find(conditions)).toEqual(guarded);
      expect(await store.find({ ...conditions, runtime: '2' })).toBeUndefined();
      const [file = ''] = await readdir(folder);
      expect(JSON.parse(await readFile(join(folder, file), 'utf8'))).toMatchObject({
        conditions: { model: 'm' },
      });
      await writeFile(join(folder, file), text);
      expect(await store.find(conditions)).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('say so where they cannot be written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'));
    try {
      await writeFile(join(folder, 'file'), '');
      const store = new PlanStore(join(folder, 'file'), tiny);
      await expect(store.keep(conditions, guarded)).rejects.toEqual(
        expect.objectContaining({ code: 'PLAN_FOLDER_UNWRITABLE' }),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('calibration text', () => {
  it('is cut into windows that the model can read', () => {
    expect(calibrationWindows(randomTokens(1_000, tiny, 1), 512).map(({ length }) => length)).toEqual([
      128, 128, 128,
    ]);
    expect(calibrationWindows(randomTokens(90, tiny, 1), 64).map(({ length }) => length)).toEqual([64]);
    expect(calibrationWindows(randomTokens(50, tiny, 1), 512).map(({ length }) => length)).toEqual([50]);
    expect(() => calibrationWindows(randomTokens(9, tiny, 1), 512)).toThrow(
      expect.objectContaining({ code: 'CALIBRATION_TOO_SHORT' }),
    );
  });

  it('has enough words for a comparison', () => {
    expect(calibrationText.split(/\s+/).length).toBeGreaterThan(300);
  });
});
