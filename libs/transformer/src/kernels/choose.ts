import { add, Graph, type Value } from '@openledger/onnx-graph';
import { moduleShape } from '../graph/parameters.js';
import { plannedLinear } from '../graph/planned-linear.js';
import type { Precision, PrecisionPlan } from '../graph/precision.js';
import type { ModelConfig, Tensor } from '../model.js';
import { type Provider, providerPrecisions } from '../run/provider.js';
import { Session } from '../run/session.js';
import { seededRandom } from '../train/random.js';
import {
  classModules,
  decideKernels,
  type KernelTiming,
  type LayerClass,
  layerClasses,
  planOfClasses,
} from './decide.js';

export interface KernelOptions {
  /** Rows that are decoded together. */
  readonly rows: number;
  readonly threads?: number;
  readonly allowed?: readonly Precision[];
  readonly provider?: Provider;
}

export interface KernelChoice {
  readonly plan: PrecisionPlan;
  readonly timings: readonly KernelTiming[];
}

/** Weights of a trial layer: enough that copies of it do not stay in a core's cache, few enough to be quick. */
const trialWeights = 1 << 20;
/** Layers of a trial, each with weights of its own, because a model reads every weight once a step. */
const trialLayers = 4;
const rounds = 9;
/** Rows of a prefill chunk, to see whether rows come out as they do alone. */
const manyRows = 67;
/** Time for all trials; beyond it the rounds of each class are cut to a few. */
const budgetMs = 1_500;
const leastRounds = 3;

/**
 * Times the allowed kernels on layers of the model's shapes, on this machine, and plans the fastest for
 * each shape. Layers are cut to a megabyte or so, since time goes with the number of outputs.
 */
export async function chooseKernels(config: ModelConfig, options: KernelOptions): Promise<KernelChoice> {
  const allowed = allowedPrecisions(options);
  const begun = performance.now();
  const timings: KernelTiming[] = [];
  for (const layer of layerClasses) {
    const late = performance.now() - begun > budgetMs;
    const trial = { layer, shape: trialShape(config, layer), rounds: late ? leastRounds : rounds };
    timings.push(...(await timeClass(trial, { ...options, allowed })));
  }
  const chosen = decideKernels(timings, (options.provider ?? 'cpu') === 'cpu' ? 'refused' : 'accepted');
  return { plan: planOfClasses(config, chosen), timings };
}

/** What is allowed and has a kernel on the provider; float32 always has. */
export function allowedPrecisions({
  allowed,
  provider = 'cpu',
}: Pick<KernelOptions, 'allowed' | 'provider'>): readonly Precision[] {
  const usable = providerPrecisions[provider].filter((precision) => allowed?.includes(precision) ?? true);
  return usable.length === 0 ? ['float32'] : usable;
}

function trialShape(config: ModelConfig, layer: LayerClass): readonly [out: number, input: number] {
  const shapes =
    layer === 'head'
      ? [[config.vocabSize, config.hiddenSize] as const]
      : classModules[layer].map((module) => moduleShape(config, module));
  const out = shapes.reduce((sum, [rows]) => sum + rows, 0);
  const input = shapes[0]?.[1] ?? 1;
  return [Math.max(1, Math.min(out, Math.floor(trialWeights / input))), input];
}

interface Trial {
  readonly layer: LayerClass;
  readonly shape: readonly [out: number, input: number];
  readonly rounds: number;
}

interface Kernel {
  readonly precision: Precision;
  readonly session: Session;
}

async function timeClass(
  trial: Trial,
  { rows, allowed, ...options }: KernelOptions & { readonly allowed: readonly Precision[] },
): Promise<KernelTiming[]> {
  const [out, input] = trial.shape;
  const kernels: Kernel[] = [];
  try {
    const weight = { shape: [out, input], data: uniform(out * input, 11) };
    for (const precision of allowed) {
      kernels.push({ precision, session: await Session.open(trialGraph(weight, precision), options) });
    }
    const activations = uniform(Math.max(rows, manyRows) * input, 12);
    return await timed(trial, kernels, { rows, activations });
  } finally {
    for (const { session } of kernels) await session.release();
  }
}

/** Several layers side by side that read the same rows; their sum is one output. */
function trialGraph(weight: Tensor, precision: Precision): Graph {
  const graph = new Graph();
  const names = Array.from({ length: trialLayers }, (_, index) => `layer.${index}`);
  const weights = new Map(names.map((name) => [name, weight]));
  const plan = new Map(names.map((name) => [name, precision]));
  const parameters = (name: string): Value => graph.initializer(name, 'float32', weight.shape, weight.data);
  const linear = plannedLinear(graph, { weights, plan, parameters });
  const x = graph.input('x', 'float32', ['rows', weight.shape[1] ?? 1]);
  graph.output('y', names.map((name) => linear(x, name)).reduce(add));
  return graph;
}

async function timed(
  { layer, rounds: count }: Trial,
  kernels: readonly Kernel[],
  { rows, activations }: { readonly rows: number; readonly activations: Float32Array },
): Promise<KernelTiming[]> {
  const most = Math.max(rows, manyRows);
  const width = activations.length / most;
  const run = async ({ session }: Kernel, first: number, number: number): Promise<Float32Array> => {
    const data = activations.subarray(first * width, (first + number) * width);
    const outputs = await session.run(new Map([['x', { shape: [number, width], data }]]), ['y']);
    return outputs.get('y')?.data ?? new Float32Array(0);
  };
  const took = kernels.map(() => ({ one: [] as number[], rows: [] as number[] }));
  // Rounds alternate between the kernels, so that what else the machine does falls on all of them.
  for (let round = 0; round < count; round += 1) {
    for (const [index, kernel] of kernels.entries()) {
      took[index]?.one.push(await elapsed(() => run(kernel, 0, 1)));
      took[index]?.rows.push(await elapsed(() => run(kernel, 0, rows)));
    }
  }
  const timings: KernelTiming[] = [];
  for (const [index, kernel] of kernels.entries()) {
    const rowIndependent = await rowsAreIndependent(
      (first, number) => run(kernel, first, number),
      [rows, most],
    );
    const { one = [], rows: several = [] } = took[index] ?? {};
    const { precision } = kernel;
    timings.push({
      layer,
      precision,
      oneRowMs: Math.min(...one) / trialLayers,
      rowsMs: Math.min(...several) / trialLayers,
      rowIndependent,
    });
  }
  return timings;
}

type RunRows = (first: number, number: number) => Promise<Float32Array>;

/** Whether every row of batches of these sizes comes out as it does alone, to the bit. */
export async function rowsAreIndependent(run: RunRows, sizes: readonly number[]): Promise<boolean> {
  for (const size of sizes) {
    const together = await run(0, size);
    const width = together.length / size;
    for (const row of new Set([0, size >> 1, size - 1])) {
      const alone = await run(row, 1);
      if (!bytesOf(alone).equals(bytesOf(together.subarray(row * width, (row + 1) * width)))) return false;
    }
  }
  return true;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function uniform(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => random() - 0.5);
}
