import { type ReferenceWeights, referenceLogits, referenceLoss } from '../../test/reference-model.js';
import { largestDifference, randomTokens, tinyLora, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import type { LoraConfig, ModelConfig, Tensor } from '../model.js';
import { targetModules } from '../model.js';
import { completionExample, type Example } from '../run/batch.js';
import { Scorer } from '../run/scorer.js';
import { GradientSession } from './gradients.js';
import { normal, seededRandom } from './random.js';

const lora: LoraConfig = { rank: 3, alpha: 6, targetModules };
const options = { maxLength: 64, threads: 1 };

function examplesOf(config: ModelConfig): Example[] {
  return [
    completionExample(randomTokens(7, config, 1), 3),
    completionExample(randomTokens(4, config, 2)),
    { ...completionExample(randomTokens(5, config, 3)), weights: new Float32Array(4).fill(0.5) },
  ];
}

type Loss = (tensors: ReferenceWeights) => number;

/** The weighted mean loss of the plain model in double precision. */
function referenceOf(config: ModelConfig, examples: readonly Example[], base?: ReferenceWeights): Loss {
  return (tensors) => {
    let total = 0;
    let weightTotal = 0;
    for (const { inputIds, labels, weights } of examples) {
      const logits = base
        ? referenceLogits({ config, weights: base }, inputIds, { lora, weights: tensors })
        : referenceLogits({ config, weights: tensors }, inputIds);
      const weight = weights?.[0] ?? 1;
      total += weight * referenceLoss(logits, labels);
      weightTotal += weight * Array.from(labels).filter((label) => label >= 0).length;
    }
    return total / weightTotal;
  };
}

/** Compares every gradient with the plain model's slope along a direction of its own. */
async function expectExactGradients(
  session: GradientSession,
  point: ReadonlyMap<string, Tensor>,
  { examples, reference }: { readonly examples: readonly Example[]; readonly reference: Loss },
): Promise<void> {
  const { gradients, loss } = await session.gradients(point, examples);
  expect(Math.abs(loss - reference(point))).toBeLessThan(1e-5 * loss);
  expect([...gradients.keys()]).toEqual([...point.keys()]);
  const random = seededRandom(17);
  const step = 1e-4;
  for (const [name, { data: gradient }] of gradients) {
    const norm = Math.hypot(...gradient);
    const direction = Array.from(gradient, (g) => g / norm + normal(random) / Math.sqrt(gradient.length));
    const at = (sign: number): number => {
      const data = Float64Array.from(
        point.get(name)?.data ?? [],
        (p, i) => p + sign * step * (direction[i] ?? 0),
      );
      return reference(new Map<string, { data: Float32Array | Float64Array }>(point).set(name, { data }));
    };
    const measured = (at(1) - at(-1)) / (2 * step);
    const computed = gradient.reduce((sum, g, i) => sum + g * (direction[i] ?? 0), 0);
    expect(norm).toBeGreaterThan(1e-5);
    expect(Math.abs(computed - measured) / norm).toBeLessThan(1e-4);
  }
}

describe.each(Object.entries(tinyModels))('gradients of %s', (_, config) => {
  const weights = tinyWeights(config);
  const examples = examplesOf(config);

  it('of all weights are the slopes of the plain model', async () => {
    const session = await GradientSession.forAll(config, options);
    await expectExactGradients(session, weights, { examples, reference: referenceOf(config, examples) });
    await session.release();
  });

  it('of an adapter are the slopes of the plain model', async () => {
    const session = await GradientSession.forLora(config, weights, lora, options);
    const reference = referenceOf(config, examples, weights);
    await expectExactGradients(session, tinyLora(config, lora, 5), { examples, reference });
    await session.release();
  });

  it('of a batch are the sum over its examples, whatever the padding', async () => {
    const session = await GradientSession.forLora(config, weights, lora, options);
    const adapter = tinyLora(config, lora, 5);
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
    const unweighted = examples.slice(0, 2);
    const { total, weightTotal } = await session.loss(adapter, unweighted);
    const scored = await scorer.logProbabilities(unweighted, adapter);
    expect(scored.map(({ length }) => length)).toEqual([4, 3]);
    expect(weightTotal).toBe(7);
    expect(total).toBeCloseTo(-scored.flatMap((row) => [...row]).reduce((sum, value) => sum + value, 0), 3);
    await scorer.release();
    await session.release();
  });
});
