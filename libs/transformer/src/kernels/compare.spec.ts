import { randomTokens, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { linearWeights, planFor } from '../graph/precision.js';
import type { ModelConfig, Weights } from '../model.js';
import { completionExample } from '../run/batch.js';
import { Scorer } from '../run/scorer.js';
import { comparePlan } from './compare.js';

interface Model {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

async function lossOf({ config, weights }: Model, sequences: readonly Int32Array[]): Promise<number> {
  const scorer = await Scorer.open(config, weights, { maxLength: 64, threads: 1 });
  try {
    const scores = await scorer.logProbabilities(sequences.map((tokens) => completionExample(tokens)));
    const all = scores.flatMap((row) => [...row]);
    return -all.reduce((sum, score) => sum + score, 0) / all.length;
  } finally {
    await scorer.release();
  }
}

describe('a model by a plan against itself in float32', () => {
  const sequences = (config: ModelConfig) => [1, 2].map((seed) => randomTokens(33, config, seed));

  it.each(Object.entries(tinyModels))(
    'has the loss of the whole model, block by block: %s',
    async (_, config) => {
      const weights = tinyWeights(config);
      const options = { sequences: sequences(config), threads: 1 };
      const quality = await comparePlan({ config, weights }, planFor(config, 'float32'), options);
      expect(quality.perplexityRatio).toBe(1);
      expect(quality.errors.size).toBe(0);
      expect(quality.stateError).toBe(0);
      expect(quality.exactLoss).toBeCloseTo(await lossOf({ config, weights }, options.sequences), 5);
    },
  );

  it('adds up a vocabulary that is read in slices', async () => {
    const config = { ...tinyModels.llama, vocabSize: 17_000, layerCount: 1 };
    const weights = tinyWeights({ ...config, vocabSize: 61 });
    const few = weights.get('model.embed_tokens.weight')?.data ?? new Float32Array(1);
    const table = new Float32Array(config.vocabSize * config.hiddenSize);
    for (let at = 0; at < table.length; at += 1)
      table[at] = (few[at % few.length] ?? 0) * (1 + (at % 7) / 20);
    weights.set('model.embed_tokens.weight', { shape: [config.vocabSize, config.hiddenSize], data: table });
    const options = { sequences: sequences(config), threads: 1 };
    const quality = await comparePlan({ config, weights }, planFor(config, 'int8'), options);
    expect(quality.exactLoss).toBeCloseTo(await lossOf({ config, weights }, options.sequences), 4);
    expect(quality.perplexityRatio).toBeCloseTo(1, 1);
  });

  it('finds a larger error where there are fewer bits, and names every narrow layer', async () => {
    const config = tinyModels.qwen2;
    const model = { config, weights: tinyWeights(config) };
    const options = { sequences: sequences(config), threads: 1 };
    const names = [...linearWeights(config).keys()];
    const bytes = await comparePlan(model, planFor(config, 'int8'), options);
    const halfBytes = await comparePlan(model, planFor(config, 'int4'), options);
    expect(bytes.stateError).toBeGreaterThan(0);
    expect(halfBytes.stateError).toBeGreaterThan(bytes.stateError);
    expect([...bytes.errors.keys()].sort()).toEqual([...names].sort());
    for (const name of names) {
      const [fine = 0, coarse = 0] = [bytes.errors.get(name), halfBytes.errors.get(name)];
      expect(fine).toBeGreaterThan(0);
      expect(fine).toBeLessThan(0.03);
      expect(coarse).toBeGreaterThan(fine);
    }
  });

  it('refuses sequences that say nothing', async () => {
    const config = tinyModels.llama;
    const model = { config, weights: tinyWeights(config) };
    for (const unusable of [[], [Int32Array.of(1)], [Int32Array.of(1, 2), Int32Array.of(1, 2, 3)]]) {
      await expect(comparePlan(model, planFor(config, 'int8'), { sequences: unusable })).rejects.toEqual(
        expect.objectContaining({ code: 'CALIBRATION_UNUSABLE' }),
      );
    }
  });
});
