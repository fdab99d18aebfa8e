import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GroupSums, quantiseQuery, ScanThreads, VectorIndex } from '@openledger/attribution/engine';
import { FolderBlobStore } from '@openledger/blob-store';
import { type Random, seededRandom } from '@openledger/transformer';
import { type Bench, type BenchContext, quantile } from '../bench.js';
import type { PeerProcess } from '../peer-process.js';
import { IntegerMatmul } from './scan/integer-matmul.js';
import { MemoryReader } from './scan/memory-reader.js';
import { parityOf } from './scan/parity.js';
import { openPeer, peerVariants } from './scan/peer.js';

const ROWS = 1_000_000;
const K = 256;
const SHORT_K = 64;
const CLUSTERS = 100_000;
const TOP = 20;
const THREADS = 2;
const ROUNDS = 12;
/** Of the rounds: what else the machine does only ever adds time. */
const QUANTILE = 0.2;

/** Exact inner products of one query with a million training records, and with the sums of their clusters. */
export const attributionScan: Bench = {
  name: 'attribution.scan',
  summary: `the best ${TOP} of ${ROWS / 1e6} M vectors of ${K} bytes on ${THREADS} threads, and ${CLUSTERS / 1e3}k cluster sums, against faiss, numpy, ONNX Runtime and plain JavaScript`,
  run: (context) => measureScan(ROWS, context),
};

/** The same over another number of rows, for machines with less time. */
export async function measureScan(rows: number, context: BenchContext): Promise<Record<string, unknown>> {
  const clusters = Math.min(CLUSTERS, rows);
  const random = seededRandom(11);
  const threads = new ScanThreads(THREADS);
  const [index, buildMs] = timed(() => VectorIndex.build(K, randomRows({ rows, k: K, clusters }), threads));
  const short = VectorIndex.build(SHORT_K, randomRows({ rows, k: SHORT_K, clusters }), threads);
  const groups = Uint32Array.from(index.clusters);
  const [sums, sumsMs] = timed(() => index.sums({ groups, count: clusters }));
  context.log(`built in ${(buildMs / 1e3).toFixed(1)} s, summed in ${(sumsMs / 1e3).toFixed(1)} s`);
  const parity = await parityOf(index, sums, random);
  context.log(`parity with big integers: ${parity}`);
  const times = await race({ index, short, sums, random }, context);
  await threads.close();
  const at = (name: string) => quantile(times.get(name) ?? [], QUANTILE);
  const gigabytes = (rows * K) / 1e9;
  const others = [...peerVariants, 'ort', 'js'].filter((name) => times.has(name));
  return {
    ms_1e6: at('scan'),
    pay_ms_1e5_clusters: at('pay'),
    gb_per_s: (1e3 * gigabytes) / at('scan'),
    read_gb_per_s: (1e3 * gigabytes) / at('read'),
    ratio_to_bandwidth: at('read') / at('scan'),
    ms_1e6_k64: at('short'),
    all_scores_ms_1e6: at('scores'),
    ...Object.fromEntries(
      others.flatMap((name) => [
        [`${name}_ms`, at(name)],
        [`${name}_ratio`, at(name) / at('scan')],
      ]),
    ),
    parity,
    ...(await stored(index)),
    build_s: buildMs / 1e3,
    sums_s: sumsMs / 1e3,
    rows,
    k: K,
    clusters,
    top: TOP,
    threads: THREADS,
  };
}

interface Contestants {
  readonly index: VectorIndex;
  readonly short: VectorIndex;
  readonly sums: GroupSums;
  readonly random: Random;
}

/** Milliseconds by variant; one pass of each in every round. */
async function race({ index, short, sums, random }: Contestants, context: BenchContext) {
  const query = quantiseQuery(randomVector(K, random));
  const shortQuery = quantiseQuery(randomVector(SHORT_K, random));
  const reader = await MemoryReader.open(index.rows * K, THREADS);
  const bytes = copyOf(index);
  const matmul = await IntegerMatmul.open(
    bytes,
    Int8Array.from(query.values, (value) => value >> 8),
    THREADS,
  );
  const peer = await openPeer(context, { rows: index.rows, k: K, top: TOP, threads: THREADS });
  const variants = new Map<string, () => unknown>([
    ['read', () => reader.read()],
    ['scan', () => index.scan(query, { top: TOP })],
    ['short', () => short.scan(shortQuery, { top: TOP })],
    ['pay', () => sums.scores(query)],
    ['scores', () => index.scores(query)],
    ['ort', () => matmul.products()],
    ['js', () => plainProducts(bytes, query.values)],
  ]);
  const times = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round += 1) {
    const note = (name: string, ms: number) => {
      // The first round warms up.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), ms]);
    };
    for (const [name, work] of variants) {
      const started = performance.now();
      await work();
      note(name, performance.now() - started);
    }
    await askAll(peer, note);
    context.log(`round ${round}/${ROUNDS}: ${times.get('scan')?.at(-1)?.toFixed(1) ?? '–'} ms`);
  }
  for (const [name, version] of Object.entries((await peer?.end()) ?? {})) context.peer(name, version);
  await matmul.release();
  await reader.end();
  return times;
}

async function askAll(
  peer: PeerProcess | undefined,
  note: (name: string, ms: number) => void,
): Promise<void> {
  if (!peer) return;
  for (const name of peerVariants) note(name, await peer.ask(name));
}

/** What somebody writes first. */
function plainProducts(rows: Int8Array, query: Int16Array): Int32Array {
  const k = query.length;
  const products = new Int32Array(rows.length / k);
  for (let row = 0, at = 0; row < products.length; row += 1) {
    let sum = 0;
    for (let i = 0; i < k; i += 1, at += 1) sum += (rows[at] ?? 0) * (query[i] ?? 0);
    products[row] = sum;
  }
  return products;
}

/** Bytes a row on disk, and seconds to write and to read back with all checks. */
async function stored(index: VectorIndex) {
  const dir = await mkdtemp(join(tmpdir(), 'scan-'));
  const threads = new ScanThreads(1);
  try {
    const blobs = await FolderBlobStore.open(dir);
    const storeAt = performance.now();
    const digest = await index.store(blobs);
    const openAt = performance.now();
    await VectorIndex.open(blobs, digest, threads);
    const opened = performance.now();
    const files = await readdir(dir, { recursive: true, withFileTypes: true });
    const sizes = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
    const bytes = (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
    const seconds = { store_s: (openAt - storeAt) / 1e3, open_s: (opened - openAt) / 1e3 };
    return { bytes_per_row: bytes / index.rows, ...seconds };
  } finally {
    await threads.close();
    await rm(dir, { recursive: true });
  }
}

interface Shape {
  readonly rows: number;
  readonly k: number;
  readonly clusters: number;
}

function* randomRows({ rows, k, clusters }: Shape) {
  const random = seededRandom(3);
  for (let record = 0; record < rows; record += 1) {
    yield { vector: randomVector(k, random), record, cluster: record % clusters };
  }
}

function randomVector(k: number, random: Random): Float32Array {
  const vector = new Float32Array(k);
  for (let i = 0; i < k; i += 1) vector[i] = 2 * random() - 1;
  return vector;
}

function copyOf(index: VectorIndex): Int8Array {
  const bytes = new Int8Array(index.rows * index.k);
  for (let row = 0; row < index.rows; row += 1) bytes.set(index.row(row).values, row * index.k);
  return bytes;
}

function timed<T>(work: () => T): readonly [T, number] {
  const started = performance.now();
  return [work(), performance.now() - started];
}
