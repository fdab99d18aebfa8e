import { Tensor } from 'onnxruntime-node';
import {
  type ComparedGradient,
  compareGradients,
  type GradientCase,
  type Operand,
  runGraph,
  smoothValues,
} from '../../test/numeric-gradient.js';
import { Graph, type Value } from '../graph.js';
import {
  add,
  cast,
  concat,
  cumulativeSum,
  div,
  exp,
  expandLike,
  gatherElements,
  gatherRows,
  gradientRules,
  gradients,
  gradientsOfExamples,
  greater,
  log,
  logSoftmax,
  matmul,
  mul,
  neg,
  reciprocal,
  reduceMean,
  reduceSum,
  reshape,
  rmsNorm,
  rotary,
  scatterAdd,
  selectRows,
  sigmoid,
  silu,
  softmax,
  split,
  sqrt,
  sub,
  sumAll,
  transpose,
  where,
} from '../index.js';

const tolerances = { float32: 1e-4, float64: 1e-8 };

function largestError(compared: readonly ComparedGradient[]): number {
  return Math.max(
    ...compared.flatMap(({ computed, measured }) => {
      expect(computed).toHaveLength(measured.length);
      const scale = Math.max(1, ...measured.map(Math.abs));
      return computed.map((value, i) => Math.abs(value - (measured[i] ?? Number.NaN)) / scale);
    }),
  );
}

const m23: Operand = { shape: [2, 3] };
const positive: Operand = { shape: [2, 3], data: [0.5, 1.1, 0.7, 2, 1.4, 0.9] };

function indices(x: Value, values: readonly number[], shape: readonly number[]): Value {
  return x.graph.constant('int64', values, shape);
}

function rotated(x: Value): Value {
  const angles = [0, 0.3, 1.2, 2.5, 0.1, 0.7];
  const table = (f: (a: number) => number) => x.graph.constant('float32', angles.map(f), [3, 2]);
  const positions = indices(x, [2, 0, 1, 1], [2, 2]);
  return rotary(x, { positions, cos: table(Math.cos), sin: table(Math.sin) }, 2);
}

/** Each operator by its ONNX name, with the shapes and options it is used with. */
const exact: readonly (readonly [
  name: string,
  operands: readonly Operand[],
  build: GradientCase['build'],
])[] = [
  ['Add', [m23, m23], add],
  ['Add, broadcast on both sides', [{ shape: [2, 1, 3] }, { shape: [4, 1] }], add],
  ['Sub, broadcast', [m23, { shape: [3] }], sub],
  ['Mul, broadcast', [{ shape: [2, 3] }, { shape: [2, 1] }], mul],
  ['Div, broadcast', [{ shape: [2, 2, 3] }, positive], div],
  ['Neg', [m23], neg],
  ['Exp', [m23], exp],
  ['Log', [positive], log],
  ['Sqrt', [positive], sqrt],
  ['Reciprocal', [positive], reciprocal],
  ['Sigmoid', [m23], sigmoid],
  ['MatMul', [m23, { shape: [3, 4] }], (a, b) => matmul(a, b)],
  ['MatMul, shared right matrix', [{ shape: [2, 2, 3] }, { shape: [3, 4] }], (a, b) => matmul(a, b)],
  ['Reshape', [m23], (x) => reshape(x, [3, 2])],
  ['Transpose', [{ shape: [2, 3, 4] }], (x) => transpose(x, [2, 0, 1])],
  ['Concat', [m23, { shape: [2, 2] }], (a, b) => concat([a, b], 1)],
  [
    'Split',
    [{ shape: [2, 5] }],
    (x) => mul(...(split(x, [2, 3], 1).map((p) => reduceSum(p, [1], true)) as [Value, Value])),
  ],
  ['Split, one part used', [{ shape: [2, 5] }], (x) => split(x, [2, 3], 1)[1] ?? x],
  ['Expand', [{ shape: [1, 3] }, { shape: [2, 3] }], (x, like) => mul(expandLike(x, like), like)],
  [
    'Gather, rows picked twice',
    [{ shape: [4, 2] }],
    (x) => gatherRows(x, indices(x, [3, 1, 3, 0, 3, 1], [2, 3])),
  ],
  ['GatherElements', [m23], (x) => gatherElements(x, indices(x, [2, 0, 1, 1], [2, 2]), 1)],
  ['GatherND', [{ shape: [4, 2] }], (x) => selectRows(x, indices(x, [3, 1], [2]))],
  [
    'ScatterElements',
    [m23, { shape: [2, 2] }],
    (x, updates) => scatterAdd(x, { indices: indices(x, [1, 1, 0, 2], [2, 2]), updates, axis: 1 }),
  ],
  ['ReduceSum, kept', [{ shape: [2, 3, 2] }], (x) => reduceSum(x, [0, 2], true)],
  ['ReduceSum', [{ shape: [2, 3, 2] }], (x) => reduceSum(x, [1], false)],
  ['ReduceMean, kept', [m23], (x) => reduceMean(x, [-1], true)],
  ['ReduceMean', [m23], (x) => reduceMean(x, [0], false)],
  ['CumSum', [m23], (x) => cumulativeSum(x)],
  ['CumSum, from the end', [{ shape: [2, 2, 3] }], (x) => cumulativeSum(x, true)],
  ['Softmax', [m23], softmax],
  ['LogSoftmax', [m23], logSoftmax],
  ['LogSoftmax, picked', [m23], (x) => gatherElements(logSoftmax(x), indices(x, [2, 0], [2, 1]), 1)],
  [
    'LogSoftmax, picked across rows',
    [m23],
    (x) => gatherElements(logSoftmax(x), indices(x, [1, 0, 0], [1, 3]), 0),
  ],
  ['Where, broadcast', [m23, { shape: [3] }], (a, b) => where(greater(a, neg(a)), a, b)],
];

const single: typeof exact = [
  ['QuickGelu', [m23], silu],
  ['Cast', [m23], (x) => cast(exp(cast(x, 'float64')), 'float32')],
  [
    'FusedMatMul, B transposed',
    [m23, { shape: [4, 3] }],
    (a, b) => matmul(a, b, { transposeB: true, alpha: 0.5 }),
  ],
  [
    'FusedMatMul, A transposed',
    [{ shape: [3, 2] }, { shape: [3, 4] }],
    (a, b) => matmul(a, b, { transposeA: true }),
  ],
  [
    'FusedMatMul, both transposed',
    [{ shape: [3, 2] }, { shape: [4, 3] }],
    (a, b) => matmul(a, b, { transposeA: true, transposeB: true, alpha: 2 }),
  ],
  [
    'FusedMatMul, shared right matrix',
    [{ shape: [2, 2, 3] }, { shape: [4, 3] }],
    (a, b) => matmul(a, b, { transposeB: true }),
  ],
  [
    'FusedMatMul, broadcast batch',
    [{ shape: [2, 1, 2, 3] }, { shape: [3, 4, 3] }],
    (a, b) => matmul(a, b, { transposeB: true }),
  ],
  ['SimplifiedLayerNormalization', [{ shape: [2, 2, 4] }, { shape: [4] }], (x, w) => rmsNorm(x, w, 1e-3)],
  ['RotaryEmbedding', [{ shape: [2, 2, 8] }], rotated],
];

describe('the gradient rule', () => {
  it.each(exact)('of %s (float64)', async (_, operands, build) => {
    expect(largestError(await compareGradients({ precision: 'float64', operands, build }))).toBeLessThan(
      tolerances.float64,
    );
  });

  it.each(single)('of %s (float32)', async (_, operands, build) => {
    expect(largestError(await compareGradients({ precision: 'float32', operands, build }))).toBeLessThan(
      tolerances.float32,
    );
  });

  it('of every operator is measured', () => {
    const measured = new Set([...exact, ...single].map(([name]) => name.replace(/,.*/, '')));
    expect([...gradientRules.keys()].filter((op) => !measured.has(op))).toEqual([]);
  });
});

describe('gradients', () => {
  it('adds up the uses of a value, dense and scattered', async () => {
    const build = (table: Value, x: Value): Value => {
      const rows = gatherRows(table, indices(table, [2, 0, 2], [3]));
      const scores = matmul(mul(rows, x), transpose(table, [1, 0]));
      return gatherElements(logSoftmax(scores), indices(table, [0, 3, 1], [3, 1]), 1);
    };
    const operands = [{ shape: [4, 2] }, { shape: [3, 2] }];
    expect(largestError(await compareGradients({ precision: 'float64', operands, build }))).toBeLessThan(
      1e-8,
    );
  });

  it('emits nothing for what is not asked for', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2, 3]);
    const frozen = graph.input('frozen', 'float32', [3, 3]);
    const loss = sumAll(matmul(x, frozen));
    const before = graph.nodes.length;
    gradients(graph, loss, [x]);
    const added = graph.nodes.slice(before).flatMap(({ outputs }) => outputs);
    expect(added.some(({ shape }) => shape.join() === '3,3')).toBe(false);
  });

  it('of examples apart add up to the gradient of their sum, and only products keep them apart', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [3, 2, 4]);
    const w = graph.input('w', 'float32', [5, 4]);
    const loss = sumAll(exp(matmul(x, w, { transposeB: true, alpha: 0.5 })));
    const [whole = w] = gradients(graph, loss, [w]);
    const [apart = w] = gradientsOfExamples(graph, loss, [w]);
    expect(apart.shape).toEqual([3, 5, 4]);
    graph.output('whole', whole);
    graph.output('sum', reduceSum(apart, [0], false));
    const feeds = {
      x: new Tensor('float32', Float32Array.from(smoothValues(24)), [3, 2, 4]),
      w: new Tensor('float32', Float32Array.from(smoothValues(20, 1)), [5, 4]),
    };
    const { whole: expected = [], sum = [] } = await runGraph(graph, feeds);
    expect(Math.hypot(...expected)).toBeGreaterThan(1);
    for (const [i, value] of expected.entries()) expect(sum[i]).toBeCloseTo(value, 4);
    const bias = graph.input('bias', 'float32', [4]);
    expect(() => gradientsOfExamples(graph, sumAll(add(x, bias)), [bias])).toThrow('cannot keep examples');
  });

  it('refuses a loss that is not a number, an unrelated value and an operator without a rule', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2]);
    const other = graph.input('other', 'float32', [2]);
    expect(() => gradients(graph, x, [x])).toThrow('rank 1');
    expect(() => gradients(graph, sumAll(x), [other])).toThrow('does not depend on other');
    const rounded = graph.one('Round', [x], { dtype: 'float32', shape: [2] });
    expect(() => gradients(graph, sumAll(rounded), [x])).toThrow('Round has no gradient rule');
  });
});
