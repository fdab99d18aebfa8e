import { largestDifference, randomTokens, tinyLora, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { loraShapes } from '../graph/lora-inputs.js';
import { type LoraConfig, type ModelConfig, targetModules } from '../model.js';
import { completionExample, type Example } from '../run/batch.js';
import { Scorer } from '../run/scorer.js';
import { ExampleGradients } from './example-gradients.js';
import { flatten, unflatten } from './flat-tensors.js';
import { GradientSession } from './gradients.js';
import { normal, seededRandom } from './random.js';

const lora: LoraConfig = { rank: 3, alpha: 6, targetModules };
const options = { maxLength: 64, threads: 1 };

/** More than fit in one pass, of lengths that are not sorted; one weighted, one that says nothing. */
function examplesOf(config: ModelConfig): Example[] {
  const examples = Array.from({ length: 36 }, (_, i) =>
    completionExample(randomTokens(3 + ((i * 7) % 30), config, i + 1), 1 + (i % 3)),
  );
  const weighted = {
    ...completionExample(randomTokens(9, config, 50)),
    weights: new Float32Array(8).fill(0.5),
  };
  return [...examples, weighted, { inputIds: [1, 2, 3], labels: [-100, -100, -100] }];
}

describe.each(Object.entries(tinyModels))('gradients of single examples of %s', (_, config) => {
  const weights = tinyWeights(config);
  const adapter = tinyLora(config, lora, 5);
  const shapes = loraShapes(config, lora);
  const examples = examplesOf(config);

  it('are those of one run an example, and add up to the gradient of all', async () => {
    const apart = await ExampleGradients.forLora(config, weights, lora, options);
    const session = await GradientSession.forLora(config, weights, lora, options);
    const { losses, rows } = await apart.of(adapter, examples);
    expect(rows).toHaveLength(examples.length * apart.size);
    const sum = new Float64Array(apart.size);
    for (const [i, example] of examples.entries()) {
      const row = rows.subarray(i * apart.size, (i + 1) * apart.size);
      for (const [at, value] of row.entries()) sum[at] = (sum[at] ?? 0) + value;
      if (i === examples.length - 1) {
        expect(Math.max(...row.map(Math.abs))).toBe(0);
        continue;
      }
      const one = await session.gradients(adapter, [example], 1);
      const expected = flatten(shapes, one.gradients);
      expect(Math.hypot(...expected)).toBeGreaterThan(1e-3);
      expect(largestDifference(row, expected)).toBeLessThan(1e-5 * Math.max(1, Math.hypot(...expected)));
      expect(Math.abs((losses[i] ?? 0) - one.loss)).toBeLessThan(1e-5 * one.loss);
    }
    const whole = flatten(shapes, (await session.gradients(adapter, examples, 1)).gradients);
    expect(largestDifference(whole, sum)).toBeLessThan(1e-5 * Math.hypot(...whole));
    for (const each of [apart, session]) await each.release();
  });

  it('are the slopes of the losses', async () => {
    const apart = await ExampleGradients.forLora(config, weights, lora, options);
    const few = examples.slice(0, 4);
    const random = seededRandom(11);
    const direction = Float32Array.from({ length: apart.size }, () => normal(random));
    const step = 2e-3;
    const at = async (sign: number) => {
      const point = flatten(shapes, adapter).map((value, i) => value + sign * step * (direction[i] ?? 0));
      return (await apart.of(unflatten(shapes, point), few)).losses;
    };
    const [above, below] = [await at(1), await at(-1)];
    const { rows } = await apart.of(adapter, few);
    for (const i of few.keys()) {
      const row = rows.subarray(i * apart.size, (i + 1) * apart.size);
      const slope = row.reduce((total, value, j) => total + value * (direction[j] ?? 0), 0);
      const measured = ((above[i] ?? 0) - (below[i] ?? 0)) / (2 * step);
      expect(Math.abs(slope - measured)).toBeLessThan(0.01 * Math.hypot(...row));
    }
    await apart.release();
  });
});

describe('sampled gradients', () => {
  const config = tinyModels.qwen2;
  const weights = tinyWeights(config);
  const adapter = tinyLora(config, lora, 5);

  it('draw labels as often as the model finds them probable', async () => {
    const apart = await ExampleGradients.forLora(config, weights, lora, options);
    const scorer = await Scorer.open(config, weights, { ...options, lora });
    const inputIds = randomTokens(5, config, 4);
    const logits = await scorer.logits([inputIds], adapter);
    const last = Array.from(logits.data.subarray(4 * config.vocabSize, 5 * config.vocabSize));
    const whole = last.reduce((sum, value) => sum + Math.exp(value), 0);
    const surprises = last.map((value) => Math.log(whole) - value);
    const draws = 6_000;
    const labels = [-100, -100, -100, -100, 0];
    const many = Array<Example>(draws).fill({ inputIds, labels });
    const { losses } = await apart.sampled(adapter, many, seededRandom(3));
    const counts = surprises.map(
      (surprise) => losses.filter((loss) => Math.abs(loss - surprise) < 1e-4).length,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(draws);
    let chiSquare = 0;
    for (const [label, count] of counts.entries()) {
      const expected = draws * Math.exp(-(surprises[label] ?? 0));
      chiSquare += (count - expected) ** 2 / expected;
    }
    // 60 degrees of freedom: 88.4 is passed once in a hundred (the seed is fixed).
    expect(chiSquare).toBeLessThan(88.4);
    for (const each of [apart, scorer]) await each.release();
  });

  it('average to nothing, and repeat from their seed whatever stands beside them', async () => {
    const apart = await ExampleGradients.forLora(config, weights, lora, options);
    const example = completionExample(randomTokens(12, config, 8), 4);
    const sample = (seed: number, count: number) =>
      apart.sampled(adapter, Array<Example>(count).fill(example), seededRandom(seed));
    const { rows } = await sample(5, 2_000);
    const mean = new Float64Array(apart.size);
    let squares = 0;
    for (const [i, value] of rows.entries()) {
      mean[i % apart.size] = (mean[i % apart.size] ?? 0) + value / 2_000;
      squares += value * value;
    }
    // The mean of n draws is √n times shorter than one draw.
    const ratio = (Math.hypot(...mean) * Math.sqrt(2_000)) / Math.sqrt(squares / 2_000);
    expect(ratio).toBeGreaterThan(0.8);
    expect(ratio).toBeLessThan(1.2);

    const few = await sample(5, 3);
    expect(few).toEqual(await sample(5, 3));
    expect(few.losses).not.toEqual((await sample(6, 3)).losses);
    expect(largestDifference(few.rows, rows.subarray(0, few.rows.length))).toBeLessThan(1e-5);
    await apart.release();
  });

  it('are refused where their rows would not fit in memory', async () => {
    const apart = await ExampleGradients.forLora(config, weights, lora, options);
    const example = completionExample(randomTokens(6, config, 8));
    const many = Array<Example>(Math.floor(2 ** 30 / apart.size) + 1).fill(example);
    await expect(apart.of(adapter, many)).rejects.toMatchObject({ code: 'TOO_MANY_EXAMPLES' });
    await apart.release();
  });

  it('weigh what was drawn', async () => {
    const apart = await ExampleGradients.forLora(config, weights, lora, options);
    const example = completionExample(randomTokens(6, config, 8));
    const half = { ...example, weights: new Float32Array(5).fill(0.5) };
    const whole = await apart.sampled(adapter, [example], seededRandom(2));
    const halved = await apart.sampled(adapter, [half], seededRandom(2));
    expect(
      largestDifference(
        halved.rows,
        whole.rows.map((value) => value / 2),
      ),
    ).toBeLessThan(1e-6);
    expect(halved.losses[0]).toBeCloseTo((whole.losses[0] ?? 0) / 2, 5);
    await apart.release();
  });
});

describe('vectors of tensors', () => {
  const shapes = new Map([
    ['a', [2, 2]],
    ['b', [3]],
  ]);

  it('come apart as they were put together', () => {
    const vector = Float32Array.of(1, 2, 3, 4, 5, 6, 7);
    const tensors = unflatten(shapes, vector);
    expect(Array.from(tensors.get('b')?.data ?? [])).toEqual([5, 6, 7]);
    expect(flatten(shapes, tensors)).toEqual(vector);
  });

  it('are refused in other sizes', () => {
    expect(() => unflatten(shapes, new Float32Array(6))).toThrow('6 numbers');
    expect(() => flatten(shapes, new Map())).toThrow('a must have 4 numbers');
  });
});
