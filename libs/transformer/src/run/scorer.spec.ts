import { referenceLogits, referenceLoss } from '../../test/reference-model.js';
import { largestDifference, randomTokens, tinyLora, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { type LoraConfig, targetModules } from '../model.js';
import { completionExample } from './batch.js';
import { Scorer } from './scorer.js';

const lora: LoraConfig = { rank: 3, alpha: 6, targetModules };
const options = { maxLength: 64, threads: 1, lora };

describe.each(Object.entries(tinyModels))('Scorer of %s', (_, config) => {
  const weights = tinyWeights(config);
  const adapter = tinyLora(config, lora, 9);
  const sequences = [30, 12].map((length, row) => randomTokens(length, config, 90 + row));
  let scorer: Scorer;
  beforeAll(async () => {
    scorer = await Scorer.open(config, weights, options);
  });
  afterAll(() => scorer.release());

  it.each([
    ['base', undefined],
    ['adapted', adapter],
  ] as const)('gives the logits of the %s reference model', async (_name, served) => {
    const { data, shape } = await scorer.logits(sequences, served);
    expect(shape).toEqual([2, 32, config.vocabSize]);
    for (const [row, tokens] of sequences.entries()) {
      const expected = referenceLogits({ config, weights }, tokens, served && { lora, weights: served });
      for (const [t, logits] of expected.entries()) {
        const at = (row * 32 + t) * config.vocabSize;
        expect(largestDifference(data.subarray(at, at + config.vocabSize), logits)).toBeLessThan(1e-4);
      }
    }
  });

  it('gives the label probabilities of the reference model', async () => {
    const examples = sequences.map((tokens) => completionExample(tokens, 7));
    const scored = await scorer.logProbabilities(examples, adapter);
    expect(scored.map(({ length }) => length)).toEqual([23, 5]);
    for (const [row, { inputIds, labels }] of examples.entries()) {
      const logits = referenceLogits({ config, weights }, inputIds, { lora, weights: adapter });
      const total = scored[row]?.reduce((sum, value) => sum - value, 0) ?? Number.NaN;
      expect(Math.abs(total - referenceLoss(logits, labels))).toBeLessThan(1e-4 * total);
    }
  });

  it('scores nothing where there are no labels, and refuses a sequence beyond its length', async () => {
    expect(await scorer.logProbabilities([{ inputIds: [1, 2], labels: [-100, -100] }])).toEqual([
      new Float32Array(0),
    ]);
    await expect(scorer.logits([randomTokens(65, config, 1)])).rejects.toMatchObject({
      code: 'SEQUENCE_TOO_LONG',
    });
  });
});

describe('Scorer.open', () => {
  it('refuses weights that do not fit the configuration', async () => {
    const config = tinyModels.llama;
    const missing = tinyWeights(config);
    missing.delete('model.norm.weight');
    await expect(Scorer.open(config, missing, options)).rejects.toMatchObject({
      code: 'MODEL_WEIGHT_MISSING',
    });
    const wider = { ...config, intermediateSize: 64 };
    await expect(Scorer.open(wider, tinyWeights(config), options)).rejects.toMatchObject({
      code: 'MODEL_WEIGHT_SHAPE',
    });
  });
});
