import { randomTokens, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { planFor, precisions } from '../graph/precision.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { Scorer } from '../run/scorer.js';
import { comparePlan } from './compare.js';
import { guardPlan, widen } from './guard.js';

const config = tinyModels.llama;
const sequences = [3, 4].map((seed) => randomTokens(48, config, seed));
const spoilt = 'model.layers.0.mlp.down_proj.weight';
const options = { sequences, threads: 1, allowed: precisions };

describe('widening', () => {
  const plan = new Map([
    ['a', 'int4'],
    ['b', 'int8'],
    ['c', 'int8'],
    ['d', 'float32'],
  ] as const);

  it('takes the worst narrow layer one step', () => {
    expect(
      widen(
        plan,
        new Map([
          ['a', 0.2],
          ['b', 0.1],
          ['c', 0.05],
        ]),
        precisions,
      ).get('a'),
    ).toBe('int8');
    expect(
      widen(
        plan,
        new Map([
          ['a', 0.1],
          ['b', 0.3],
          ['c', 0.2],
        ]),
        precisions,
      ),
    ).toEqual(new Map([...plan, ['b', 'float32']]));
  });

  it('steps over what is not allowed, and takes an error that is not a number for the worst', () => {
    const errors = new Map([
      ['a', Number.NaN],
      ['b', 0.3],
      ['c', 0.2],
    ]);
    expect(widen(plan, errors, ['int4', 'float32']).get('a')).toBe('float32');
  });
});

describe('the guard', () => {
  it('leaves a plan within the limit as it is', async () => {
    const model = { config, weights: tinyWeights(config) };
    const guarded = await guardPlan(model, planFor(config, 'int8'), options);
    expect(guarded.plan).toEqual(planFor(config, 'int8'));
    expect(guarded.widened).toEqual([]);
    expect(guarded.perplexityRatio).toBeLessThanOrEqual(1.01);
  });

  it('widens the layer that spoils the model', async () => {
    const model = { config, weights: withOutliers(tinyWeights(config)) };
    const own = { ...options, sequences: await likelySequences(model) };
    const plan = planFor(config, 'int8');
    const { errors, perplexityRatio } = await comparePlan(model, plan, own);
    expect(perplexityRatio).toBeGreaterThan(1.01);
    expect([...errors].sort(([, one], [, other]) => other - one)[0]?.[0]).toBe(spoilt);
    const guarded = await guardPlan(model, plan, own);
    expect(guarded.plan.get(spoilt)).toBe('float32');
    expect(guarded.widened.length).toBeLessThan(plan.size / 2);
    expect(guarded.perplexityRatio).toBeLessThanOrEqual(1.01);
  });

  it('ends in float32 where nothing narrower is good enough', async () => {
    const model = { config, weights: tinyWeights(config) };
    const guarded = await guardPlan(model, planFor(config, 'int4'), { ...options, limit: 0 });
    expect(new Set(guarded.plan.values())).toEqual(new Set(['float32']));
    expect(guarded.perplexityRatio).toBe(1);
  });
});

/**
 * A weight far larger than the others of its row takes all the levels, and the rest round to nothing. It
 * multiplies an input that is always 0, so that in float32 it changes nothing.
 */
function withOutliers(weights: Map<string, Tensor>): Map<string, Tensor> {
  const down = weights.get(spoilt);
  const up = weights.get('model.layers.0.mlp.up_proj.weight');
  if (!down || !up) throw new Error('the model has no feed-forward part');
  const width = down.shape[1] ?? 1;
  for (const at of down.data.keys()) down.data[at] = at % width === 0 ? 400 : 6 * (down.data[at] ?? 0);
  up.data.fill(0, 0, up.shape[1]);
  return weights;
}

/** What the model itself would say, so that a spoilt model says something else. */
async function likelySequences(model: { config: ModelConfig; weights: Weights }): Promise<Int32Array[]> {
  const scorer = await Scorer.open(model.config, model.weights, { maxLength: 64, threads: 1 });
  const rows = [[5], [17], [31]];
  for (let time = 1; time < 40; time += 1) {
    const { data, shape } = await scorer.logits(rows);
    for (const [row, tokens] of rows.entries()) {
      const start = (row * (shape[1] ?? 0) + time - 1) * model.config.vocabSize;
      const logits = data.subarray(start, start + model.config.vocabSize);
      tokens.push(logits.indexOf(Math.max(...logits)));
    }
  }
  await scorer.release();
  return rows.map((tokens) => Int32Array.from(tokens));
}
