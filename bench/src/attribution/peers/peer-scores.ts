import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, invariant } from '@openledger/kernel';
import { PeerProcess } from '../../peer-process.js';
import { peerAttributionPython } from '../../repository.js';
import { writeExport } from './export.js';
import { decodeNpy } from './npy.js';
import { type PeerTask, type RecordedTraining, recordTraining } from './recorded-training.js';

/** Families of `bench/peers/attribution/scores.py`, cheapest first. */
export const peerFamilies = ['graddot', 'trak', 'less', 'logra', 'datainf', 'dvemb', 'ekfac'] as const;

export type PeerFamily = (typeof peerFamilies)[number];

/** What one setting of a method says; a family has several where its authors leave settings open. */
export interface PeerMethod {
  readonly family: PeerFamily;
  /** Set as its paper says; the others are other settings of the family, for its best. */
  readonly asPublished: boolean;
  /** Package and version, or what was restated from which paper, and the settings. */
  readonly source: string;
  /** [examples, queries], row-major. Positive: without the example the query's loss would be higher. */
  readonly scores: Float32Array;
}

export interface PeerScores {
  readonly methods: ReadonlyMap<string, PeerMethod>;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the PyTorch twin with our model: greatest difference of losses (relative above a nat), least cosine. */
  readonly agreement: { readonly lossDifference: number; readonly gradientCosine: number };
  readonly ms: Readonly<Partial<Record<PeerFamily, number>>>;
}

export interface PeerOptions {
  /** Where the export and the scores go; what was there is removed. */
  readonly folder: string;
  readonly threads: number;
  /** Default all; DVEmb is left out where the trajectory is too large to keep. */
  readonly families?: readonly PeerFamily[];
  readonly log?: (line: string) => void;
}

/** What the twin must reach to count as the same model. */
const LOSS_TOLERANCE = 1e-4;
const COSINE_FLOOR = 0.9999;

/** Trains by the recipe, hands everything to the peers' Python, and reads what they score. */
export async function peerScores(task: PeerTask, options: PeerOptions): Promise<PeerScores> {
  const training = await recordTraining(task, options.threads);
  options.log?.(`trained: ${training.learningRates.length} steps`);
  return scoresOf(task, training, options);
}

/** The same for a training that is recorded already. */
export async function scoresOf(
  task: PeerTask,
  training: RecordedTraining,
  options: PeerOptions,
): Promise<PeerScores> {
  const { folder, threads, families = peerFamilies, log } = options;
  await writeExport(folder, task, training, threads);
  log?.('written for PyTorch');
  const peer = await PeerProcess.python('attribution/scores.py', { folder, threads }, peerAttributionPython);
  log?.('gradients by the twin');
  const ms: Partial<Record<PeerFamily, number>> = {};
  for (const family of families) {
    if (family === 'dvemb' && !training.trajectory) continue;
    ms[family] = await peer.ask(family);
    log?.(`${family}: ${((ms[family] ?? 0) / 1_000).toFixed(1)} s`);
  }
  const versions = await peer.end();
  const written = JSON.parse(await readFile(join(folder, 'scores', 'scores.json'), 'utf8')) as Written;
  const agreement = {
    lossDifference: written.agreement.loss_difference,
    gradientCosine: written.agreement.gradient_cosine,
  };
  if (!(agreement.lossDifference <= LOSS_TOLERANCE && agreement.gradientCosine >= COSINE_FLOOR)) {
    throw new DomainError(
      'precondition',
      'TWIN_DIFFERS',
      `The PyTorch twin is another model: losses differ by ${agreement.lossDifference}, least cosine ${agreement.gradientCosine}.`,
    );
  }
  const methods = new Map<string, PeerMethod>();
  for (const [name, { family, file, source, as_published }] of Object.entries(written.scores)) {
    const { shape, data } = decodeNpy(await readFile(join(folder, 'scores', file)));
    invariant(shape.join() === `${task.examples.length},${task.queries.length}`, `${name} has other scores`);
    methods.set(name, { family, asPublished: as_published, source, scores: data });
  }
  return { methods, versions, agreement, ms };
}

interface Written {
  readonly agreement: { readonly loss_difference: number; readonly gradient_cosine: number };
  readonly scores: Readonly<
    Record<
      string,
      {
        readonly family: PeerFamily;
        readonly file: string;
        readonly source: string;
        readonly as_published: boolean;
      }
    >
  >;
}
