import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, type Json, sha256 } from '@openledger/kernel';
import { encodeSafetensors } from '@openledger/transformer';
import type { BenchContext } from '../../bench.js';
import { root } from '../../repository.js';
import type { Bed } from '../bed.js';
import { type PeerFamily, scoresOf } from './peer-scores.js';
import { finishedTensors, type RecordedTraining, recordTraining } from './recorded-training.js';

/** A method of others with one setting, on a bed. */
export interface PeerRow {
  readonly method: string;
  readonly family: PeerFamily;
  readonly asPublished: boolean;
  readonly source: string;
  /** One row a query; positive helps. */
  readonly influences: readonly Float64Array[];
}

interface Kept {
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly (Omit<PeerRow, 'influences'> & {
    /** Float32, [examples, queries], in base64. */
    readonly scores: string;
  })[];
}

const THREADS = 2;
/** As retrains train: more threads give other last bits, so another adapter. */
const TRAINING_THREADS = 1;
const cacheFolder = join(root, '.cache', 'attribution', 'peers');
const program = join(root, 'bench', 'peers', 'attribution');

/**
 * What the methods of others say about a bed. Kept by the hash of the trained adapter, the bed and the peers'
 * program: they take minutes, and several benches ask.
 */
export async function peerTable(bed: Bed, { log, peer }: BenchContext): Promise<PeerRow[]> {
  const training = await recordTraining(bed, TRAINING_THREADS);
  const file = join(cacheFolder, `${bed.name}-${await keyOf(bed, training)}.json`);
  const kept = (await readKept(file)) ?? (await ask(bed, training, { file, log }));
  for (const [name, version] of Object.entries(kept.versions)) peer(name, version);
  return kept.rows.map(({ scores, ...row }) => ({ ...row, influences: byQuery(bed, scores) }));
}

async function ask(
  bed: Bed,
  training: RecordedTraining,
  { file, log }: { readonly file: string; readonly log: (line: string) => void },
): Promise<Kept> {
  const folder = join(root, '.cache', 'bench', 'attribution', `peers-${bed.name}-${process.pid}`);
  const told = (line: string) => log(`${bed.name}, peers: ${line}`);
  const options = { folder, threads: THREADS, log: told };
  const { methods, versions } = await scoresOf(bed, training, options).finally(() =>
    rm(folder, { recursive: true, force: true }),
  );
  const kept: Kept = {
    versions,
    rows: [...methods].map(([method, { scores, ...row }]) => ({
      method,
      ...row,
      scores: Buffer.from(scores.buffer, scores.byteOffset, scores.byteLength).toString('base64'),
    })),
  };
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(`${file}.${process.pid}`, JSON.stringify(kept));
  await rename(`${file}.${process.pid}`, file);
  return kept;
}

async function readKept(file: string): Promise<Kept | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

async function keyOf({ base, recipe, examples, queries }: Bed, training: RecordedTraining): Promise<string> {
  const asked = [...examples, ...queries].map(({ inputIds, labels }) => [
    Array.from(inputIds),
    Array.from(labels),
  ]);
  const decides = JSON.parse(JSON.stringify({ config: base.config, recipe, asked })) as Json;
  const sources = (await readdir(program)).filter((name) => /\.(py|txt)$/.test(name)).sort();
  const hashes = [
    sha256(encodeSafetensors(new Map(base.weights))),
    sha256(Buffer.from(lastTensors(training))),
    sha256(canonicalJson(decides)),
    ...(await Promise.all(sources.map(async (name) => sha256(await readFile(join(program, name)))))),
  ];
  return sha256(hashes.join('\n')).slice(0, 16);
}

const lastTensors = (training: RecordedTraining): Uint8Array =>
  encodeSafetensors(new Map(finishedTensors(training)));

/** A row a query of what is kept by example. */
function byQuery({ examples, queries }: Bed, base64: string): Float64Array[] {
  const bytes = Buffer.from(base64, 'base64');
  return queries.map((_, q) =>
    Float64Array.from(examples, (_unused, i) => bytes.readFloatLE(4 * (i * queries.length + q))),
  );
}
