import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { ContributionAssessed, ContributionWithdrawn } from '@openledger/contracts';
import { canonicalJson, type Json, newId, sha256 } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { ContextOwners } from '../src/application/context-owners.js';
import { RegisterRecords } from '../src/application/register-records.js';
import { contentHashes } from '../src/domain/retrieval/chunk-content.js';
import { migrations } from '../src/migrations.js';
import { BlobAnswerContext } from '../src/outbound/blob-answer-context.js';
import { PostgresRecordStore } from '../src/outbound/postgres-record-store.js';

const day = (n: number) => new Date(Date.UTC(2026, 0, n));
const idOf = (record: object) => sha256(canonicalJson(record as Json));
const tide = { prompt: 'When is high tide?', completion: 'At noon.' };
const bell = { text: 'The bell rings twice.' };

describe('the registry of records', () => {
  let folder: string;
  let blobs: FolderBlobStore;
  let database: Database;
  let registry: PostgresRecordStore;
  let register: RegisterRecords;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-'));
    blobs = await FolderBlobStore.open(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'attribution', migrations });
    registry = new PostgresRecordStore(database);
    register = new RegisterRecords(registry, { read: (digest) => blobs.get(digest) });
  });
  afterEach(() => database.close());

  const assessed = async (
    contributorId: string,
    records: readonly object[],
    at: { readonly day: number; readonly contributionId?: string; readonly eventId?: string },
  ) => {
    const { contributionId = newId(), eventId = newId() } = at;
    const lines = records.map((record) =>
      canonicalJson({ contributionId, contributorId, id: idOf(record), quality: 1, record: record as Json }),
    );
    const acceptedBlob = lines.length === 0 ? '' : await blobs.put(Buffer.from(`${lines.join('\n')}\n`));
    const event = ContributionAssessed.create({
      contributionId,
      datanetId: 'harbour',
      contributorId,
      acceptedBlob,
      acceptedCount: records.length,
      assessedAt: day(at.day),
    });
    const isNew = await register.assessed(eventId, event);
    return { contributionId, isNew };
  };
  const withdrawn = (contributorId: string, contributionId: string, eventId = newId()) =>
    register.withdrawn(
      eventId,
      ContributionWithdrawn.create({
        contributionId,
        contributorId,
        datanetId: 'harbour',
        reason: 'regret',
        withdrawnAt: day(20),
      }),
    );

  it('knows whose a record is, what it says and since when', async () => {
    const { contributionId } = await assessed('ada', [tide, bell], { day: 1 });
    const owners = await registry.recordOwners([idOf(tide), idOf(bell), sha256('nothing')]);
    expect([...owners.keys()].sort()).toEqual([idOf(tide), idOf(bell)].sort());
    expect(owners.get(idOf(tide))).toEqual({
      recordId: idOf(tide),
      contentHashes: contentHashes(tide),
      contributorId: 'ada',
      contributionId,
      datanetId: 'harbour',
      acceptedAt: day(1),
    });
    expect(owners.get(idOf(bell))?.contentHashes).toEqual(
      contentHashes({ prompt: '', completion: bell.text }),
    );
    expect(await registry.recordOwners([])).toEqual(new Map());
  });

  it('takes an event once, and a later assessment for the earlier', async () => {
    const contributionId = newId();
    const eventId = newId();
    expect((await assessed('ada', [tide], { day: 1, contributionId, eventId })).isNew).toBe(true);
    expect((await assessed('ada', [bell], { day: 1, contributionId, eventId })).isNew).toBe(false);
    expect((await registry.recordOwners([idOf(tide)])).size).toBe(1);
    await assessed('ada', [bell], { day: 2, contributionId });
    expect([...(await registry.recordOwners([idOf(tide), idOf(bell)])).keys()]).toEqual([idOf(bell)]);
    await assessed('ada', [], { day: 3, contributionId });
    expect((await registry.recordOwners([idOf(tide), idOf(bell)])).size).toBe(0);
  });

  it('gives a record to who registered it first, in whatever order that is heard of', async () => {
    await assessed('copyist', [tide], { day: 5 });
    await assessed('author', [tide], { day: 4 });
    expect((await registry.recordOwners([idOf(tide)])).get(idOf(tide))?.contributorId).toBe('author');
  });

  it('has a record withdrawn with all contributions of its owner, and leaves it to nobody else', async () => {
    const first = await assessed('author', [tide], { day: 1 });
    const second = await assessed('author', [tide, bell], { day: 2 });
    await assessed('copyist', [tide], { day: 3 });
    await withdrawn('author', first.contributionId);
    expect(await registry.withdrawnRecords([idOf(tide), idOf(bell)])).toEqual(new Set());
    await withdrawn('author', second.contributionId);
    expect(await registry.withdrawnRecords([idOf(tide), idOf(bell)])).toEqual(
      new Set([idOf(tide), idOf(bell)]),
    );
    expect((await registry.recordOwners([idOf(tide)])).get(idOf(tide))).toMatchObject({
      contributorId: 'author',
      withdrawnAt: day(20),
    });
    const both = [first.contributionId, second.contributionId].sort();
    expect(await registry.withdrawnContributions(['author', 'copyist'])).toEqual(both);
    expect(await registry.withdrawnContributions(['copyist'])).toEqual([]);
  });

  it('knows of a withdrawal that came before its contribution, and takes none from others', async () => {
    const contributionId = newId();
    expect(await withdrawn('ada', contributionId)).toBe(true);
    expect(await withdrawn('ada', contributionId)).toBe(true);
    await assessed('ada', [tide], { day: 1, contributionId });
    expect(await registry.withdrawnRecords([idOf(tide)])).toEqual(new Set([idOf(tide)]));
    const others = await assessed('bo', [bell], { day: 1 });
    await withdrawn('eve', others.contributionId);
    expect(await registry.withdrawnRecords([idOf(bell)])).toEqual(new Set());
  });

  it('takes many records, and refuses lines that are none without keeping the rest', async () => {
    const many = Array.from({ length: 1_234 }, (_, i) => ({ text: `Light ${i} blinks.` }));
    await assessed('ada', many, { day: 1 });
    expect((await registry.recordOwners(many.map(idOf))).size).toBe(1_234);
    await expect(registry.recordOwners(Array.from({ length: 10_001 }, String))).rejects.toMatchObject({
      code: 'TOO_MANY_IDS',
    });
    const damaged = await blobs.put(Buffer.from(`{"id":"x","record":{"text":"y"}}\n{"id":"z"}\n`));
    const event = ContributionAssessed.create({
      contributionId: newId(),
      contributorId: 'ada',
      acceptedBlob: damaged,
      assessedAt: day(1),
    });
    await expect(register.assessed(newId(), event)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
    expect((await registry.recordOwners(['x'])).size).toBe(0);
  });

  it('finds the owners of the chunks that an answer names', async () => {
    await assessed('ada', [tide], { day: 1 });
    const owners = new ContextOwners(registry, new BlobAnswerContext(blobs));
    const tokens = (content: Json) => blobs.put(Buffer.from(canonicalJson(content)));
    const range = (recordId: string, start: number) => ({ recordId, start, end: start + 1 });
    const context = [range(idOf(tide), 0), range('', 1), range(sha256('unknown'), 2), range(idOf(tide), 3)];
    const asked = { promptTokens: [1, 2, 3, 4, 5], completionTokens: [6] };
    const found = await owners.of(await tokens({ ...asked, context }));
    expect([...found.values()].map(({ contributorId }) => contributorId)).toEqual(['ada']);
    expect((await owners.of(await tokens(asked))).size).toBe(0);
  });
});
