import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, invariant } from '@openledger/kernel';
import { PeerProcess } from '../../peer-process.js';
import { peerAttributionPython } from '../../repository.js';
import { type ComparedGradients, writeExport } from './export.js';
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

/** Of the PyTorch twin with our model. */
export interface Agreement {
  /** Greatest difference of an example's loss, nats, relative where it is above one. */
  readonly lossDifference: number;
  readonly gradientCosine: number;
  /** Of GradDot with the products of our own gradients, as a share of the greatest; 0 where it was not asked for. */
  readonly gradDotDifference: number;
}

export interface PeerScores {
  readonly methods: ReadonlyMap<string, PeerMethod>;
  readonly versions: Readonly<Record<string, string>>;
  readonly agreement: Agreement;
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
const GRAD_DOT_TOLERANCE = 1e-3;

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
  const compared = await writeExport(folder, task, training, threads);
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
  const methods = new Map<string, PeerMethod>();
  for (const [name, { family, file, source, as_published }] of Object.entries(written.scores)) {
    const { shape, data } = decodeNpy(await readFile(join(folder, 'scores', file)));
    invariant(shape.join() === `${task.examples.length},${task.queries.length}`, `${name} has other scores`);
    methods.set(name, { family, asPublished: as_published, source, scores: data });
  }
  const agreement = {
    lossDifference: written.agreement.loss_difference,
    gradientCosine: written.agreement.gradient_cosine,
    gradDotDifference: gradDotDifference(task, compared, methods.get('GradDot')?.scores),
  };
  requireAgreement(agreement);
  return { methods, versions, agreement, ms };
}

function requireAgreement({ lossDifference, gradientCosine, gradDotDifference: products }: Agreement): void {
  const same =
    lossDifference <= LOSS_TOLERANCE && gradientCosine >= COSINE_FLOOR && products <= GRAD_DOT_TOLERANCE;
  if (same) return;
  throw new DomainError(
    'precondition',
    'TWIN_DIFFERS',
    `The PyTorch twin is another model: losses differ by ${lossDifference}, products of gradients by ${products}, least cosine ${gradientCosine}.`,
  );
}

function gradDotDifference(
  { examples, queries }: PeerTask,
  { positions, rows }: ComparedGradients,
  scores: Float32Array | undefined,
): number {
  if (!scores) return 0;
  const size = rows.length / positions.length;
  const gradients = new Map(positions.map((at, row) => [at, rows.subarray(row * size, (row + 1) * size)]));
  let difference = 0;
  let greatest = 0;
  for (const [at, one] of gradients) {
    if (at >= examples.length) continue;
    for (let query = 0; query < queries.length; query += 1) {
      const other = gradients.get(examples.length + query);
      if (!other) continue;
      const product = one.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0);
      const theirs = scores[at * queries.length + query] ?? Number.NaN;
      difference = Math.max(difference, Math.abs(product - theirs));
      greatest = Math.max(greatest, Math.abs(product));
    }
  }
  return difference / greatest;
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
