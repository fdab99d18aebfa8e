import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { DomainError, sha256 } from '@openledger/kernel';
import type { AnswerOrder, ModelVersion, ReplayOrder, ScoredAnswer } from '../../application/ports.js';
import { RECEIPT_FORMAT, type ScoreReceipt } from '../../domain/receipt.js';
import { storeJson } from '../json-blob.js';
import { type ReplayParts, replayAnswer } from './replay-answer.js';

const NOW = 'test/2';
const acceptedAt = '2026-01-02T03:04:05.000Z';
let folder: string;
let blobs: FolderBlobStore;
let version: ModelVersion;
let receipt: ScoreReceipt;
let orders: AnswerOrder[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'));
  blobs = await FolderBlobStore.open(folder);
  orders = [];
  const put = (text: string) => blobs.put(Buffer.from(text));
  version = {
    modelId: 'model',
    adapterDigest: 'adapter',
    baseDigest: 'base',
    adapterConfigBlob: await put('config'),
    adapterWeightsBlob: await put('weights'),
    lineageBlob: await put('lineage'),
    trainingLogBlob: await put('log'),
    deployedAt: new Date(),
  };
  receipt = receiptOf(await put('tokens'), await put('index'));
});
afterEach(() => rm(folder, { recursive: true }));

const receiptOf = (tokensBlob: string, indexDigest: string): ScoreReceipt => ({
  format: RECEIPT_FORMAT,
  codeVersion: NOW,
  inputs: {
    requestId: 'request',
    adapterDigest: 'adapter',
    baseDigest: 'base',
    tokensBlob,
    indexDigest,
    indexRoot: 'root',
    parties: { ada: 'party' },
    withdrawn: ['contribution'],
    chunkOwners: {
      record: {
        recordId: 'record',
        contentHashes: ['hash'],
        contributorId: 'cy',
        contributionId: 'of-cy',
        datanetId: 'net',
        acceptedAt,
        withdrawnAt: acceptedAt,
      },
    },
    reliability: { ppb: 3, lowPpb: 2, highPpb: 4 },
  },
  measured: {
    query: { int16: '', scale: '1' },
    groups: [],
    records: [],
    decoys: [],
    logLikelihoods: { base: '-9.25', adapter: '-2' },
    kappa: '2',
    noise: '0',
    spanNats: {},
    chunks: [],
  },
  result: {
    status: 'scored',
    reason: '',
    pools: { baseModelPpb: 1_000_000_000, trainingPpb: 0, contextPpb: 0 },
    contributors: [],
    baseModelPpb: 1_000_000_000,
    reservePpb: 0,
  },
});

/** An engine that measures what the receipt of these tests says, from the receipt's own inputs. */
const parts = (change: Partial<ReplayParts> = {}): ReplayParts => ({
  blobs,
  codeVersion: NOW,
  score: async (order) => {
    orders.push(order);
    const { reliability } = order;
    const receiptBlob = await storeJson(blobs, { ...receipt, codeVersion: NOW });
    return { ...receipt.result, reliability, receiptBlob } as unknown as ScoredAnswer;
  },
  verify: async () => undefined,
  ...change,
});
const published = (claimed: ScoreReceipt, receiptBlob: string): ScoredAnswer => ({
  ...claimed.result,
  reliability: claimed.inputs.reliability,
  indexDigest: claimed.inputs.indexDigest,
  indexRoot: claimed.inputs.indexRoot,
  codeVersion: claimed.codeVersion,
  evidenceBlob: '',
  receiptBlob,
});
/** The score is published as its receipt says, unless it is said otherwise. */
const orderOf = (
  claimed: ScoreReceipt,
  receiptBlob: string,
  change: Partial<ReplayOrder> = {},
): ReplayOrder => ({
  version,
  requestId: 'request',
  tokensBlob: claimed.inputs.tokensBlob,
  published: published(claimed, receiptBlob),
  ...change,
});
const replay = async (claimed: ScoreReceipt, change: Partial<ReplayParts> = {}) =>
  replayAnswer(parts(change), orderOf(claimed, await storeJson(blobs, claimed)));
const forged = (): ScoreReceipt => ({
  ...receipt,
  measured: { ...receipt.measured, logLikelihoods: { base: '-9.5', adapter: '-2' } },
});

describe('replayAnswer', () => {
  it('computes from the inputs of the receipt, and finds the same', async () => {
    expect(await replay(receipt)).toMatchObject({
      equal: true,
      differences: [],
      missing: [],
      codeVersion: NOW,
    });
    const [order] = orders;
    expect(order).toMatchObject({ version, withdrawn: ['contribution'], reliability: { ppb: 3 } });
    expect(order?.parties).toEqual(new Map([['ada', 'party']]));
    const owner = order?.chunkOwners.get('record');
    expect(owner).toMatchObject({
      contributorId: 'cy',
      acceptedAt: new Date(acceptedAt),
      withdrawnAt: new Date(acceptedAt),
    });
  });

  it('names what is not the same, and gives what came out instead', async () => {
    const found = await replay(forged());
    expect(found).toMatchObject({
      equal: false,
      differences: ['measured.logLikelihoods.base: "-9.5" is not "-9.25"'],
    });
    expect(found.score?.receiptBlob).toBe(await storeJson(blobs, receipt));
  });

  it('believes no receipt of another answer, nor one that says other shares than were published', async () => {
    const blob = await storeJson(blobs, receipt);
    const tokensBlob = await blobs.put(Buffer.from('other tokens'));
    const other = orderOf(receipt, blob, { requestId: 'another', tokensBlob });
    expect((await replayAnswer(parts(), other)).differences).toEqual([
      'inputs.requestId: "request" is not "another"',
      `inputs.tokensBlob: "${receipt.inputs.tokensBlob}" is not "${tokensBlob}"`,
    ]);
    // What came out instead is of the answer itself.
    expect(orders).toMatchObject([{ requestId: 'another', tokensBlob }]);
    const paid = { ...published(receipt, blob), baseModelPpb: 0, reservePpb: 1_000_000_000 };
    const found = await replayAnswer(parts(), orderOf(receipt, blob, { published: paid }));
    expect(found).toMatchObject({
      equal: false,
      differences: ['result.baseModelPpb: 1000000000 is not 0', 'result.reservePpb: 0 is not 1000000000'],
      score: { baseModelPpb: 1_000_000_000 },
    });
  });

  it('lists inputs that are gone', async () => {
    const lost = sha256('lost');
    const changed = { ...receipt, inputs: { ...receipt.inputs, tokensBlob: lost, indexDigest: lost } };
    expect(await replay(changed)).toMatchObject({
      equal: false,
      missing: [`tokens ${lost}`, `index ${lost}`],
    });
    version = { ...version, trainingLogBlob: '' };
    expect(await replay(receipt)).toMatchObject({ equal: false, missing: ['training log '] });
    expect(await replayAnswer(parts(), orderOf(receipt, lost))).toMatchObject({
      equal: false,
      missing: [`receipt ${lost}`],
    });
    expect(orders).toHaveLength(0);
  });

  it('lists what only the arithmetic misses, a shard for one, and passes other failures on', async () => {
    const refuse = (code: string) => ({
      score: async () => {
        throw new DomainError('not-found', code, 'The shard abc.');
      },
    });
    expect(await replay(receipt, refuse('BLOB_UNKNOWN'))).toMatchObject({
      equal: false,
      missing: ['BLOB_UNKNOWN: The shard abc.'],
    });
    await expect(replay(receipt, refuse('TOO_SLOW'))).rejects.toMatchObject({ code: 'TOO_SLOW' });
    expect(await replay(receipt, refuse('ZERO_GRADIENT'))).toMatchObject({
      equal: false,
      differences: ['result.status: scored is not unattributable (ZERO_GRADIENT)'],
    });
  });

  it('takes an earlier version of the arithmetic at its own integers where it measures otherwise', async () => {
    const earlier = { ...forged(), codeVersion: 'test/1' };
    expect(await replay({ ...receipt, codeVersion: 'test/1' })).toMatchObject({
      equal: true,
      codeVersion: 'test/1',
    });
    const verified = await replay(earlier);
    expect(verified).toMatchObject({ equal: true, differences: [], codeVersion: 'test/1' });
    expect(verified.note).toContain('own integers');
    const refuse = async () => {
      throw new DomainError('precondition', 'INDEX_FORMAT_UNKNOWN', 'An index of another format.');
    };
    expect(await replay(earlier, { score: refuse })).toMatchObject({ equal: true });
    const wrong = await replay(earlier, { verify: async () => 'measured.groups[0].sum: 1 is not 2' });
    expect(wrong).toMatchObject({ equal: false, differences: ['measured.groups[0].sum: 1 is not 2'] });
    expect(wrong.score).toBeUndefined();
  });
});
