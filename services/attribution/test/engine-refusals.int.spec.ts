import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapterDigestOf, parseTrainingLog } from '@openledger/adapters';
import { FolderBlobStore } from '@openledger/blob-store';
import { canonicalJson } from '@openledger/kernel';
import { encodeSafetensors, parseSafetensors } from '@openledger/transformer';
import type {
  AnswerOrder,
  Evidence,
  IndexSummary,
  ModelVersion,
  ScoredAnswer,
} from '../src/application/ports.js';
import type { ScoreReceipt } from '../src/domain/receipt.js';
import { Engine } from '../src/outbound/engine/engine.js';
import { readJson, storeJson } from '../src/outbound/json-blob.js';
import { factRecords } from './facts.js';
import { TrainedVersion } from './trained-version.js';

const WHOLE = 1_000_000_000;
const modelDir = join(import.meta.dirname, '..', '..', '..', '..', 'models', 'seedling');
const limits = { modelDir, threads: 1, tokensMax: 256, recordsMax: 100 };
const code = (value: string) => expect.objectContaining({ code: value });
const quiet = () => {};

let dir: string;
let blobs: FolderBlobStore;
let trained: TrainedVersion;
let version: ModelVersion;
let engine: Engine;
let summary: IndexSummary;
let answer: { promptTokens: number[]; completionTokens: number[] };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refusals-'));
  blobs = await FolderBlobStore.open(dir);
  const plan = { modelDir, epochs: 30, batchRows: 6, learningRate: 0.004 };
  trained = await TrainedVersion.train(blobs, factRecords, plan);
  answer = await trained.ask('What is Gull Rock?');
  version = { ...trained.event, deployedAt: new Date() };
  engine = new Engine(blobs, limits);
  summary = await engine.index(version, quiet);
}, 240_000);
afterAll(async () => {
  await engine?.release();
  await trained?.release();
  await rm(dir, { recursive: true });
});

const orderOf = async (asked: object, change: Partial<AnswerOrder> = {}): Promise<AnswerOrder> => ({
  version,
  indexDigest: summary.digest,
  requestId: 'request',
  tokensBlob: await storeJson(blobs, asked),
  parties: new Map(),
  withdrawn: [],
  chunkOwners: new Map(),
  reliability: summary.reliability,
  ...change,
});
const score = async (change: Partial<AnswerOrder> = {}) => engine.score(await orderOf(answer, change));
const influenceOf = ({ contributors }: ScoredAnswer, id: string) =>
  contributors.find(({ contributorId }) => contributorId === id)?.influencePpb ?? 0;
const evidenceOf = async ({ evidenceBlob }: ScoredAnswer) =>
  (await readJson(blobs, evidenceBlob)) as Evidence;
const receiptOf = async ({ receiptBlob }: ScoredAnswer) =>
  (await readJson(blobs, receiptBlob)) as ScoreReceipt;
/** In an engine of its own, which is given back. */
async function withEngine<T>(work: (one: Engine) => Promise<T>, config = limits): Promise<T> {
  const one = new Engine(blobs, config);
  try {
    return await work(one);
  } finally {
    await one.release();
  }
}

describe('an answer', () => {
  it('scored twice, by whom ever, has one receipt', async () => {
    const first = await score();
    expect(influenceOf(first, 'ada')).toBeGreaterThan(0.3 * WHOLE);
    const order = await orderOf(answer);
    const again = await withEngine(async (one) => {
      expect((await one.index(version, quiet)).digest).toBe(summary.digest);
      return one.score(order);
    });
    expect(again).toEqual(first);
    const other = await score({ requestId: 'another' });
    expect(other.receiptBlob).not.toBe(first.receiptBlob);
    expect(other.contributors).toEqual(first.contributors);
  }, 120_000);

  it('gives what was taken back to the reserve, and shows nothing of it', async () => {
    const [before, after] = [await score(), await score({ withdrawn: ['contribution-of-ada'] })];
    expect(influenceOf(after, 'ada')).toBe(0);
    expect(after.baseModelPpb).toBe(before.baseModelPpb);
    const others = (scored: ScoredAnswer) => influenceOf(scored, 'bo') + influenceOf(scored, 'cy');
    expect(others(after)).toBeLessThanOrEqual(others(before) + 2);
    expect(after.reservePpb - before.reservePpb).toBeGreaterThanOrEqual(influenceOf(before, 'ada') - 2);
    const [shown, left] = [await evidenceOf(before), await evidenceOf(after)];
    expect(shown.topRecords.map(({ contributorId }) => contributorId)).toContain('ada');
    expect(JSON.stringify([left.topRecords, left.spans])).not.toContain('ada');
    expect(left.reasons).toContainEqual(expect.objectContaining({ contributorId: 'ada', code: 'WITHDRAWN' }));
  }, 60_000);

  it('is refused where it says nothing', async () => {
    const nothing = await orderOf({ ...answer, completionTokens: [] });
    await expect(engine.score(nothing)).rejects.toEqual(code('EMPTY_ANSWER'));
    // One token after nothing: no position predicts it, so nothing made it more likely.
    const alone = await orderOf({ promptTokens: [], completionTokens: answer.completionTokens.slice(0, 1) });
    await expect(engine.score(alone)).rejects.toEqual(code('ZERO_GRADIENT'));
  }, 60_000);

  it('is scored where it is longer than what is looked at', async () => {
    const completionTokens = Array.from({ length: 40 }, () => answer.completionTokens)
      .flat()
      .slice(0, 400);
    const long = await engine.score(await orderOf({ ...answer, completionTokens }));
    const shares = long.contributors.reduce((sum, { influencePpb }) => sum + influencePpb, 0);
    expect(shares + long.baseModelPpb + long.reservePpb).toBe(WHOLE);
  }, 60_000);
});

describe('an index', () => {
  it('is refused for another adapter, and an adapter that is not what it is called', async () => {
    const config = Buffer.concat([await blobs.get(version.adapterConfigBlob), Buffer.from('\n')]);
    const adapterConfigBlob = await blobs.put(config);
    const renamed = { ...version, adapterConfigBlob };
    await withEngine(async (one) => {
      const mislabelled = await orderOf(answer, { version: renamed });
      await expect(one.score(mislabelled)).rejects.toEqual(code('ADAPTER_DIFFERS'));
      const adapterDigest = adapterDigestOf({
        config: adapterConfigBlob,
        weights: version.adapterWeightsBlob,
      });
      const other = await orderOf(answer, { version: { ...renamed, adapterDigest } });
      await expect(one.score(other)).rejects.toEqual(code('INDEX_DIFFERS'));
      const elsewhere = await orderOf(answer, { version: { ...version, baseDigest: 'f'.repeat(64) } });
      await expect(one.score(elsewhere)).rejects.toEqual(code('BASE_MODEL_DIFFERS'));
    });
  }, 60_000);

  it('is refused where it is none, gone or damaged, and a replay names what is gone', async () => {
    const published = await score();
    const description = (await readJson(blobs, summary.digest)) as {
      vectors: string;
      projectionBlob: string;
    };
    const manifest = (await readJson(blobs, description.vectors)) as { shards: { blocks: string[] }[] };
    const block = manifest.shards[0]?.blocks[0] ?? '';
    const none = await orderOf(answer, { indexDigest: description.vectors });
    await expect(engine.score(none)).rejects.toEqual(code('NO_INDEX'));
    for (const [digest, refusal] of [
      [block, 'INDEX_CORRUPT'],
      [description.vectors, 'INDEX_CORRUPT'],
      [description.projectionBlob, 'BLOB_CORRUPT'],
    ] as const) {
      const file = join(dir, digest.slice(0, 2), digest.slice(2));
      const whole = await readFile(file);
      const damaged = Buffer.from(whole);
      damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;
      await writeFile(file, damaged);
      try {
        const order = await orderOf(answer);
        await withEngine(async (one) => {
          await expect(one.score(order)).rejects.toEqual(code(refusal));
          const replay = await one.replay({ ...order, published });
          expect(replay).toMatchObject({ equal: false, differences: [] });
          expect(replay.missing.join()).toContain(refusal);
        });
      } finally {
        await writeFile(file, whole);
      }
    }
    expect(await withEngine(async (one) => one.score(await orderOf(answer)))).toEqual(published);
  }, 120_000);

  it('is refused of a training whose log is damaged, or that is too large', async () => {
    const log = parseTrainingLog(await readJson(blobs, version.trainingLogBlob));
    const [first, ...rest] = log.checkpoints;
    const damagedIn = async (
      member: 'tensorsBlob' | 'secondMomentsBlob',
      value: number,
    ): Promise<ModelVersion> => {
      const { tensors } = parseSafetensors(await blobs.get(first?.[member] ?? ''));
      for (const { data } of tensors.values()) data[3] = value;
      const checkpoints = [{ ...first, [member]: await blobs.put(encodeSafetensors(tensors)) }, ...rest];
      const damaged = JSON.stringify({ ...log, checkpoints });
      return { ...version, trainingLogBlob: await blobs.put(Buffer.from(damaged)) };
    };
    for (const damaged of [
      await damagedIn('tensorsBlob', Number.NaN),
      await damagedIn('tensorsBlob', Number.POSITIVE_INFINITY),
      await damagedIn('secondMomentsBlob', Number.NaN),
      await damagedIn('secondMomentsBlob', -1),
    ]) {
      await withEngine((one) => expect(one.index(damaged, quiet)).rejects.toEqual(code('NOT_FINITE')));
    }
    await withEngine((one) => expect(one.index(version, quiet)).rejects.toEqual(code('LINEAGE_TOO_LARGE')), {
      ...limits,
      recordsMax: factRecords.length - 1,
    });
  }, 120_000);
});

describe('a forged receipt', () => {
  /** Replays a score that says what the changed receipt says. */
  const replayed = async (forge: (receipt: ScoreReceipt) => ScoreReceipt) => {
    const honest = await score();
    const forged = forge(await receiptOf(honest));
    const published: ScoredAnswer = {
      ...honest,
      ...forged.result,
      codeVersion: forged.codeVersion,
      receiptBlob: await blobs.put(Buffer.from(canonicalJson(JSON.parse(JSON.stringify(forged))))),
    };
    const { requestId, tokensBlob } = await orderOf(answer);
    return engine.replay({ version, requestId, tokensBlob, published });
  };
  /** All that ada earned goes to cy. */
  const stolen = (receipt: ScoreReceipt): ScoreReceipt['result'] => {
    const { contributors } = receipt.result;
    const loot = contributors.find(({ contributorId }) => contributorId === 'ada')?.influencePpb ?? 0;
    return {
      ...receipt.result,
      contributors: contributors.map((one) => {
        if (one.contributorId === 'ada') return { ...one, influencePpb: 0 };
        return one.contributorId === 'cy' ? { ...one, influencePpb: one.influencePpb + loot } : one;
      }),
    };
  };

  it('is told by what it says otherwise, honest ones by nothing', async () => {
    expect(await replayed((receipt) => receipt)).toMatchObject({ equal: true, differences: [] });
    const theft = await replayed((receipt) => ({ ...receipt, result: stolen(receipt) }));
    expect(theft.equal).toBe(false);
    expect(theft.differences.join()).toContain('result.contributors[0].influencePpb');
    const owner = await replayed((receipt) => ({
      ...receipt,
      measured: {
        ...receipt.measured,
        records: receipt.measured.records.map((record) => ({ ...record, contributorId: 'cy' })),
      },
    }));
    expect(owner.differences.join()).toContain('measured.records[0].contributorId');
  }, 60_000);

  it('of an earlier arithmetic is told by its own integers', async () => {
    const earlier = { codeVersion: 'openledger-attribution/0' };
    // Measured otherwise than now, so that it is not the same bit for bit.
    const measuredThen = ({ measured }: ScoreReceipt) => ({ ...measured, decoys: ['0.125'] });
    const honest = await replayed((receipt) => ({ ...receipt, ...earlier, measured: measuredThen(receipt) }));
    expect(honest).toMatchObject({ equal: true, differences: [] });
    const theft = await replayed((receipt) => ({
      ...receipt,
      ...earlier,
      measured: measuredThen(receipt),
      result: stolen(receipt),
    }));
    expect(theft).toMatchObject({ equal: false });
    expect(theft.differences.join()).toContain('result.contributors[0].influencePpb');
    const product = await replayed((receipt) => ({
      ...receipt,
      ...earlier,
      measured: {
        ...measuredThen(receipt),
        groups: receipt.measured.groups.map((group) => ({ ...group, sum: '7' })),
      },
    }));
    expect(product.differences.join()).toMatch(/measured\.groups\[0\]\.sum: 7 is not /);
  }, 60_000);
});
