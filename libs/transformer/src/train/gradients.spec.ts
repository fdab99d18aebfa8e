import { largestDifference, randomTokens, tinyLora, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import type { LoraConfig, ModelConfig, Tensor } from '../model.js';
import { targetModules } from '../model.js';
import { completionExample, type Example } from '../run/batch.js';
import { Scorer } from '../run/scorer.js';
import { GradientSession } from './gradients.js';

const lora: LoraConfig = { rank: 3, alpha: 6, targetModules };
const options = { maxLength: 64, threads: 1 };

function examplesOf(config: ModelConfig): Example[] {
  return [
    completionExample(randomTokens(24, config, 1), 9),
    completionExample(randomTokens(15, config, 2)),
    { ...completionExample(randomTokens(20, config, 3)), weights: new Float32Array(19).fill(0.5) },
  ];
}

/** Slope of the loss along the gradient of one tensor, by central difference. */
async function slope(
  session: GradientSession,
  point: ReadonlyMap<string, Tensor>,
  along: readonly [string, Tensor],
  examples: readonly Example[],
): Promise<number> {
  const [name, { data: direction }] = along;
  const norm = Math.hypot(...direction);
  const step = 0.01;
  const at = async (sign: number): Promise<number> => {
    const base = point.get(name);
    if (!base) throw new Error(`no tensor ${name}`);
    const data = base.data.map((value, i) => value + (sign * step * (direction[i] ?? 0)) / norm);
    const { total, weightTotal } = await session.loss(new Map(point).set(name, { ...base, data }), examples);
    return total / weightTotal;
  };
  return ((await at(1)) - (await at(-1))) / (2 * step);
}

async function expectExactGradients(
  session: GradientSession,
  point: ReadonlyMap<string, Tensor>,
  examples: readonly Example[],
): Promise<void> {
  const { gradients } = await session.gradients(point, examples);
  expect([...gradients.keys()]).toEqual([...point.keys()]);
  for (const [name, gradient] of gradients) {
    const norm = Math.hypot(...gradient.data);
    const measured = await slope(session, point, [name, gradient], examples);
    // Single-precision losses near 4 differ by about 5e-7, over 2 · step.
    expect(Math.abs(measured - norm)).toBeLessThan(0.02 * norm + 2e-4);
    expect(norm).toBeGreaterThan(1e-5);
  }
}

describe.each(Object.entries(tinyModels))('gradients of %s', (_, config) => {
  const weights = tinyWeights(config);

  it('of all weights are the slopes of the loss', async () => {
    const session = await GradientSession.forAll(config, options);
    await expectExactGradients(session, weights, examplesOf(config));
    await session.release();
  });

  it('of an adapter are the slopes of the loss', async () => {
    const session = await GradientSession.forLora(config, weights, lora, options);
    await expectExactGradients(session, tinyLora(config, lora, 5), examplesOf(config));
    await session.release();
  });

  it('of a batch are the sum over its examples, whatever the padding', async () => {
    const session = await GradientSession.forLora(config, weights, lora, options);
    const adapter = tinyLora(config, lora, 5);
    const examples = examplesOf(config);
    const whole = await session.gradients(adapter, examples, 1);
    const parts = await Promise.all(examples.map((example) => session.gradients(adapter, [example], 1)));
    for (const [name, { data }] of whole.gradients) {
      const sum = data.map((_value, i) =>
        parts.reduce((total, part) => total + (part.gradients.get(name)?.data[i] ?? 0), 0),
      );
      expect(largestDifference(data, sum)).toBeLessThan(1e-4 * Math.max(1, Math.hypot(...data)));
    }
    expect(whole.loss).toBeCloseTo(
      parts.reduce((total, { loss }) => total + loss, 0),
      3,
    );
    await session.release();
  });

  it('have the loss that the scorer gives', async () => {
    const session = await GradientSession.forLora(config, weights, lora, options);
    const scorer = await Scorer.open(config, weights, { ...options, lora });
    const adapter = tinyLora(config, lora, 5);
    const examples = examplesOf(config).slice(0, 2);
    const { total, weightTotal } = await session.loss(adapter, examples);
    const scored = await scorer.logProbabilities(examples, adapter);
    expect(scored.map(({ length }) => length)).toEqual([15, 14]);
    expect(weightTotal).toBe(29);
    expect(total).toBeCloseTo(-scored.flatMap((row) => [...row]).reduce((sum, value) => sum + value, 0), 3);
    await scorer.release();
    await session.release();
  });
});
