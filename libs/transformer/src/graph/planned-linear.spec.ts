import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Graph, type Value } from '@openledger/onnx-graph';
import { randomTokens, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { rowsAreIndependent } from '../kernels/choose.js';
import type { Tensor } from '../model.js';
import { ServingSession } from '../run/serving-session.js';
import { Session } from '../run/session.js';
import { openWeights } from '../safetensors/sharded.js';
import { writeSafetensors } from '../safetensors/write.js';
import { plannedLinear } from './planned-linear.js';
import { type Precision, planFor, precisions } from './precision.js';

function matrix(shape: readonly [number, number], seed: number): Tensor {
  const data = new Float32Array(shape[0] * shape[1]);
  // Marsaglia's xorshift32 (2003).
  let state = seed;
  for (let at = 0; at < data.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[at] = state / 2 ** 31;
  }
  return { shape, data };
}

async function linearSession(
  weights: ReadonlyMap<string, Tensor>,
  plan: ReadonlyMap<string, Precision>,
  threads = 1,
): Promise<Session> {
  const graph = new Graph();
  const parameters = (name: string): Value => {
    const { shape = [], data = new Float32Array(0) } = weights.get(name) ?? {};
    return graph.initializer(name, 'float32', shape, data);
  };
  const [first = '', ...others] = plan.keys();
  const x = graph.input('x', 'float32', ['rows', weights.get(first)?.shape[1] ?? 1]);
  graph.output('y', plannedLinear(graph, { weights, plan, parameters })(x, first, ...others));
  return Session.open(graph, { threads });
}

describe('planned linear layers', () => {
  const width = 96;
  const weights = new Map([
    ['a', matrix([40, width], 1)],
    ['b', matrix([24, width], 2)],
    ['c', matrix([33, width], 3)],
  ]);
  const input = matrix([5, width], 4);

  async function outputs(plan: ReadonlyMap<string, Precision>): Promise<Float32Array> {
    const session = await linearSession(weights, plan);
    try {
      return (await session.run(new Map([['x', input]]), ['y'])).get('y')?.data ?? new Float32Array(0);
    } finally {
      await session.release();
    }
  }

  it.each<[Precision, Precision, Precision, number]>([
    ['float32', 'float32', 'float32', 0],
    ['int8', 'int8', 'int8', 0.02],
    ['int4', 'int4', 'int4', 0.2],
    ['int8', 'int4', 'int8', 0.2],
    ['float32', 'int8', 'int8', 0.02],
  ])('lie side by side in order: %s, %s, %s', async (a, b, c, tolerance) => {
    const exact = await outputs(new Map(['a', 'b', 'c'].map((name) => [name, 'float32'])));
    const close = await outputs(new Map(Object.entries({ a, b, c })));
    const size = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0));
    const error = Math.sqrt(
      exact.reduce((sum, value, at) => sum + (value - (close[at] ?? Number.NaN)) ** 2, 0),
    );
    expect(error / size).toBeLessThanOrEqual(tolerance);
    expect(exact).toHaveLength(5 * (40 + 24 + 33));
  });

  // Widths and heights beside the tile sizes of the kernels, and numbers of rows around them.
  it.each(precisions)('give a row the same bits in any batch: %s', async (precision) => {
    const sizes = [2, 3, 5, 7, 8, 9, 12, 13, 16, 17, 31, 33, 64, 67, 129];
    for (const [out, input] of [
      [192, 896],
      [70, 33],
      [301, 224],
    ] as const) {
      const rows = matrix([129, input], 9).data;
      for (const threads of [1, 2]) {
        const session = await linearSession(
          new Map([['w', matrix([out, input], 8)]]),
          new Map([['w', precision]]),
          threads,
        );
        const run = async (first: number, number: number): Promise<Float32Array> => {
          const data = rows.subarray(first * input, (first + number) * input);
          const results = await session.run(new Map([['x', { shape: [number, input], data }]]), ['y']);
          return results.get('y')?.data ?? new Float32Array(0);
        };
        expect(await rowsAreIndependent(run, sizes)).toBe(true);
        await session.release();
      }
    }
  });
});

describe('a session from stored weights', () => {
  it.each(['F32', 'F16', 'BF16'] as const)('answers to the bit as one from memory: %s', async (dtype) => {
    for (const config of [tinyModels.llama, tinyModels.mistral]) {
      const folder = await mkdtemp(join(tmpdir(), 'stored-'));
      try {
        await writeSafetensors(join(folder, 'model.safetensors'), tinyWeights(config), { dtype });
        const stored = await openWeights(folder);
        const rounded = new Map(
          [...stored.weights].map(([name, { shape, data }]) => [name, { shape, data }]),
        );
        const row = { tokens: randomTokens(9, config, 3) };
        for (const precision of precisions) {
          const options = { maxLength: 16, threads: 1, precision };
          const one = await ServingSession.open(config, stored.weights, options);
          const other = await ServingSession.open(config, rounded, options);
          expect((await one.step([row])).logits).toEqual((await other.step([row])).logits);
          await one.release();
          await other.release();
        }
        stored.close();
        await expect(ServingSession.open(config, stored.weights, { maxLength: 16 })).rejects.toThrow(
          'closed',
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    }
  });

  it('refuses a plan of other layers', async () => {
    const config = tinyModels.llama;
    const plan = new Map([...planFor(config, 'int8')].slice(1));
    await expect(
      ServingSession.open(config, tinyWeights(config), { maxLength: 16, precision: plan }),
    ).rejects.toEqual(expect.objectContaining({ code: 'PRECISION_PLAN_MISMATCH' }));
    const more = new Map([
      ...planFor(config, 'int8'),
      ['model.layers.9.mlp.up_proj.weight', 'int8'] as const,
    ]);
    expect(() => planFor(config, more)).toThrow('names others as well');
  });
});
