import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Example,
  ExampleGradients,
  ignoredLabel,
  llamaConfigJson,
  writeSafetensors,
} from '@openledger/transformer';
import { encodeNpy, type NumpyArray } from './npy.js';
import { finishedTensors, type PeerTask, type RecordedTraining } from './recorded-training.js';

/** First examples, and last queries, whose whole gradients are written for the twin to compare its own with. */
const COMPARED = 16;

/** Our gradients of the compared, at the finished adapter. */
export interface ComparedGradients {
  /** Positions among the examples and then the queries. */
  readonly positions: readonly number[];
  readonly rows: Float32Array;
}

/** Writes what `bench/peers/attribution/twin.py` reads; what it is compared by. */
export async function writeExport(
  folder: string,
  task: PeerTask,
  training: RecordedTraining,
  threads: number,
): Promise<ComparedGradients> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'base'), { recursive: true });
  const { base, recipe, examples, queries } = task;
  await writeFile(join(folder, 'base', 'config.json'), JSON.stringify(llamaConfigJson(base.config)));
  await writeSafetensors(join(folder, 'base', 'model.safetensors'), base.weights);
  const all = [...examples, ...queries];
  const longest = all.reduce((most, { inputIds }) => Math.max(most, inputIds.length), 1);
  const compared = all.flatMap((_, at) => (at < COMPARED || at >= all.length - COMPARED ? [at] : []));
  const { losses, gradients } = await ourGradients(task, training, { all, compared, threads });
  const { checkpoints, trajectory } = training;
  const size = checkpoints[0]?.tensors.length ?? 0;
  const stacked = (name: 'tensors' | 'first' | 'second') =>
    rowsOf(
      checkpoints.map((point) => point[name]),
      size,
    );
  const arrays: Record<string, NumpyArray> = {
    ids: padded(all, longest, ({ inputIds }, t) => inputIds[t] ?? 0),
    labels: padded(all, longest, ({ labels }, t) => labels[t] ?? ignoredLabel),
    weights: weightsOf(all, longest),
    losses: { shape: [all.length], data: losses },
    gradients: { shape: [compared.length, size], data: gradients },
    adapters: stacked('tensors'),
    first: stacked('first'),
    second: stacked('second'),
    ...(trajectory ? { trajectory: { shape: [trajectory.length / size, size], data: trajectory } } : {}),
  };
  for (const [name, array] of Object.entries(arrays))
    await writeFile(join(folder, `${name}.npy`), encodeNpy(array));
  const about = {
    examples: examples.length,
    longest,
    compared,
    lengths: all.map(({ inputIds }) => inputIds.length),
    lora: recipe.lora,
    optimizer: recipe.optimizer,
    parameters: [...training.shapes].map(([name, shape]) => ({ name, shape })),
    checkpoints: checkpoints.map(({ step, learningRate }) => ({ step, learningRate })),
    learningRates: training.learningRates,
    normalizers: training.normalizers,
    batches: training.batches,
  };
  await writeFile(join(folder, 'export.json'), JSON.stringify(about));
  return { positions: compared, rows: gradients };
}

/** Losses of all at the finished adapter, and gradients of those that are compared. */
async function ourGradients(
  { base, recipe }: PeerTask,
  training: RecordedTraining,
  { all, compared, threads }: { all: readonly Example[]; compared: readonly number[]; threads: number },
) {
  const maxLength = all.reduce((most, { inputIds }) => Math.max(most, inputIds.length), recipe.maxTokens);
  const session = await ExampleGradients.forLora(base.config, base.weights, recipe.lora, {
    threads,
    maxLength,
  });
  try {
    const tensors = finishedTensors(training);
    const { losses, rows } = await session.of(tensors, all);
    const { size } = session;
    const chosen = compared.map((at) => rows.subarray(at * size, (at + 1) * size));
    return { losses, gradients: rowsOf(chosen, size).data };
  } finally {
    await session.release();
  }
}

function padded(
  all: readonly Example[],
  time: number,
  of: (example: Example, t: number) => number,
): NumpyArray {
  const data = new BigInt64Array(all.length * time);
  for (const [row, example] of all.entries()) {
    for (let t = 0; t < time; t += 1) data[row * time + t] = BigInt(of(example, t));
  }
  return { shape: [all.length, time], data };
}

function weightsOf(all: readonly Example[], time: number): NumpyArray {
  const data = new Float32Array(all.length * time);
  for (const [row, { labels, weights }] of all.entries()) {
    for (let t = 0; t < labels.length; t += 1) {
      data[row * time + t] = (labels[t] ?? ignoredLabel) < 0 ? 0 : (weights?.[t] ?? 1);
    }
  }
  return { shape: [all.length, time], data };
}

function rowsOf(vectors: readonly Float32Array[], size: number) {
  const data = new Float32Array(vectors.length * size);
  for (const [row, vector] of vectors.entries()) data.set(vector, row * size);
  return { shape: [vectors.length, size], data };
}
