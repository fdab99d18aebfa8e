import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel, Graph, gradients, mul, sumAll, type Value } from '../src/index.js';

export type Precision = 'float32' | 'float64';
export type Operand = {
  readonly shape: readonly number[];
  /** Values of the operand; smooth ones in (−1, 1) where absent. */
  readonly data?: readonly number[];
};

export interface GradientCase {
  readonly precision: Precision;
  readonly operands: readonly Operand[];
  readonly build: (...operands: Value[]) => Value;
}

export interface ComparedGradient {
  readonly computed: readonly number[];
  readonly measured: readonly number[];
}

const steps: Readonly<Record<Precision, number>> = { float32: 0.05, float64: 1e-3 };

/** Deterministic values in (−1, 1), no two of them alike. */
export function smoothValues(count: number, phase = 0): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + 0.9 * phase + 0.3));
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

function typed(precision: Precision, values: readonly number[]): Float32Array | Float64Array {
  return precision === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
}

/** Runs a graph once; every output as plain numbers. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(encodeModel(graph), { intraOpNumThreads: 1 });
  try {
    return await numbers(session, feeds);
  } finally {
    await session.release();
  }
}

async function numbers(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, number[]>> {
  const results = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array, Number)]),
  );
}

/**
 * Emitted and numerically measured gradients of Σ cotangent ∘ build(operands) for every operand.
 * The measured ones are fourth-order central differences, so that a large step keeps rounding out.
 */
export async function compareGradients({
  precision,
  operands,
  build,
}: GradientCase): Promise<ComparedGradient[]> {
  const graph = new Graph();
  const inputs = operands.map(({ shape }, index) => graph.input(`x${index}`, precision, shape));
  const y = build(...inputs);
  graph.output('y', y);
  const cotangent = smoothValues(elementCount(y.shape.map(Number)), 5);
  const weights = graph.constant(precision, cotangent, y.shape.map(Number));
  const found = gradients(graph, sumAll(mul(y, weights)), inputs);
  for (const [index, gradient] of found.entries()) graph.output(`g${index}`, gradient);

  const point = operands.map(({ shape, data }, index) => [
    ...(data ?? smoothValues(elementCount(shape), index)),
  ]);
  const feedsAt = (values: readonly (readonly number[])[]): Record<string, Tensor> =>
    Object.fromEntries(
      operands.map(({ shape }, index) => [
        `x${index}`,
        new Tensor(precision, typed(precision, values[index] ?? []), shape),
      ]),
    );
  const session = await InferenceSession.create(encodeModel(graph), { intraOpNumThreads: 1 });
  const lossAt = async (operand: number, element: number, change: number): Promise<number> => {
    const moved = point.map((values, index) =>
      index === operand ? values.map((value, i) => (i === element ? value + change : value)) : values,
    );
    const { y: result = [] } = await numbers(session, feedsAt(moved));
    return result.reduce((sum, value, i) => sum + value * (cotangent[i] ?? 0), 0);
  };
  const h = steps[precision];
  const slope = async (operand: number, element: number): Promise<number> => {
    const near = (await lossAt(operand, element, h)) - (await lossAt(operand, element, -h));
    const far = (await lossAt(operand, element, 2 * h)) - (await lossAt(operand, element, -2 * h));
    return (8 * near - far) / (12 * h);
  };
  const exact = await numbers(session, feedsAt(point));
  const compared: ComparedGradient[] = [];
  for (const [operand, values] of point.entries()) {
    const measured: number[] = [];
    for (const element of values.keys()) measured.push(await slope(operand, element));
    compared.push({ computed: exact[`g${operand}`] ?? [], measured });
  }
  await session.release();
  return compared;
}
