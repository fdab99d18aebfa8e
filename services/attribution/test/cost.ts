/**
 * Measures indexing and scoring: `node dist/test/cost.js <model folder> <records.jsonl>…`. Each file is one
 * contributor's. Prints milliseconds and who is credited for answers to the first question of each file.
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
  const plan = { modelDir, epochs: 6, batchRows: 8, learningRate: 0.003 };
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

  for (const round of [0, 1, 2]) {
    for (const file of files) {
      const own = records.filter(({ contributorId }) => contributorId === basename(file, '.jsonl'));
      const question = own[round * 7]?.prompt ?? '';
      const answer = await trained.ask(question);
      const tokensBlob = await blobs.put(Buffer.from(canonicalJson(answer)));
      start = performance.now();
      const score = await engine.score({
        version,
        indexDigest: index.digest,
        requestId: `${file} ${round}`,
        tokensBlob,
        parties: new Map(),
      });
      print(`\n${question} — ${answer.completionTokens.length} tokens, ${since(start).toFixed(0)} ms`);
      const { text, spans, topRecords, decoys, members, logLikelihoods } = JSON.parse(
        Buffer.from(await blobs.get(score.evidenceBlob)).toString(),
      ) as Record<string, unknown>;
      print(JSON.stringify({ ...score, evidenceBlob: undefined }));
      print(JSON.stringify({ text, logLikelihoods, members, decoys }));
      print(JSON.stringify({ spans, topRecords: (topRecords as unknown[]).slice(0, 3) }));
    }
  }
  await engine.release();
  await trained.release();
} finally {
  await rm(folder, { recursive: true, force: true });
}
