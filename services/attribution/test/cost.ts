/**
 * Measures indexing and scoring: `node dist/test/cost.js <model folder> <records.jsonl>…`. Each file is one
 * contributor's. Prints milliseconds, and whether the answers
 * to a contributor's questions are credited to him.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { FolderBlobStore } from '@openledger/blob-store';
import { canonicalJson } from '@openledger/kernel';
import type { ModelVersion } from '../src/application/ports.js';
import { Engine } from '../src/outbound/engine/engine.js';
import { type TestRecord, TrainedVersion } from './trained-version.js';

/** Asked of each contributor. */
const QUESTIONS = 10;

const [modelDir = '', ...files] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'attribution-cost-'));
const blobs = await FolderBlobStore.open(folder);
const print = (line: string) => process.stdout.write(`${line}\n`);
const since = (start: number) => performance.now() - start;

try {
  const records: TestRecord[] = [];
  for (const file of files) {
    for (const line of (await readFile(file, 'utf8')).trim().split('\n')) {
      records.push({ ...(JSON.parse(line) as TestRecord), contributorId: basename(file, '.jsonl') });
    }
  }
  let start = performance.now();
  const plan = { modelDir, epochs: 12, batchRows: 8, learningRate: 0.004 };
  const trained = await TrainedVersion.train(blobs, records, plan);
  print(
    `trained ${records.length} records in ${since(start).toFixed(0)} ms, loss ${trained.finalLoss.toFixed(3)}`,
  );

  const engine = new Engine(blobs, { modelDir, threads: 1, tokensMax: 2_048, recordsMax: 200_000 });
  const version: ModelVersion = { ...trained.event, deployedAt: new Date() };
  start = performance.now();
  let marks = { first: 0, last: 0 };
  const index = await engine.index(version, (record) => {
    if (record === 1) marks = { first: performance.now(), last: 0 };
    else marks = { ...marks, last: performance.now() };
  });
  const total = since(start);
  const perRecord = (marks.last - marks.first) / (records.length - 1);
  print(`index ${total.toFixed(0)} ms, of which records ${perRecord.toFixed(1)} ms each`);
  const description: unknown = JSON.parse(Buffer.from(await blobs.get(index.digest)).toString());
  print(JSON.stringify(description));

  const times: number[] = [];
  for (const file of files) {
    const owner = basename(file, '.jsonl');
    const own = records.filter(({ contributorId }) => contributorId === owner);
    const shares: number[] = [];
    let first = 0;
    for (let i = 0; i < QUESTIONS; i++) {
      const answer = await trained.ask(own[(i * 11) % own.length]?.prompt ?? '');
      const tokensBlob = await blobs.put(Buffer.from(canonicalJson(answer)));
      const order = {
        version,
        indexDigest: index.digest,
        requestId: `${i}`,
        tokensBlob,
        parties: new Map(),
        withdrawn: [],
        chunkOwners: new Map(),
        reliability: index.reliability,
      };
      start = performance.now();
      const { contributors } = await engine.score(order);
      times.push(since(start));
      const paid = contributors.reduce((sum, { influencePpb }) => sum + influencePpb, 0);
      const his = contributors.find(({ contributorId }) => contributorId === owner)?.influencePpb ?? 0;
      if (his > 0 && contributors.every(({ influencePpb }) => influencePpb <= his)) first += 1;
      shares.push(paid > 0 ? his / paid : 0);
    }
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    print(`${owner}: first for ${first} of ${QUESTIONS} of his questions, mean share ${mean.toFixed(3)}`);
  }
  const [cold = 0, ...warm] = times;
  const median = warm.sort((a, b) => a - b)[Math.floor(warm.length / 2)] ?? 0;
  print(`score: first ${cold.toFixed(0)} ms, then median ${median.toFixed(0)} ms`);
  await engine.release();
  await trained.release();
} finally {
  await rm(folder, { recursive: true, force: true });
}
