import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { sha256 } from '@openledger/kernel';
import type { SpanDocument } from '../../domain/spans/shard.js';
import { decodeShard, encodeShard } from '../../domain/spans/shard-file.js';
import { SpanIndex } from '../../domain/spans/span-index.js';
import { SpanStore } from './span-store.js';

const documentOf = (record: number, length = 30): SpanDocument => ({
  record,
  owner: record % 5,
  registered: 1000 - record,
  contentHash: sha256(`text ${record}`),
  tokens: Array.from({ length }, (_, i) => (record * 31 + i * i) % 97),
});
const documents = Array.from({ length: 20 }, (_, record) => documentOf(record));
const tiny = { smallest: 64, fanOut: 2, largest: 256 };
const code = (value: string) => expect.objectContaining({ code: value });

async function open() {
  const dir = await mkdtemp(join(tmpdir(), 'spans-'));
  const blobs = await FolderBlobStore.open(dir);
  return { dir, blobs, store: new SpanStore(blobs) };
}

function fileOf(index: SpanIndex): Buffer {
  const [live] = index.shards;
  if (live === undefined) throw new Error('no shard');
  return Buffer.concat(encodeShard(live.shard));
}

describe('SpanStore', () => {
  it('opens what it stored, with what was withdrawn', async () => {
    const { blobs, store } = await open();
    const index = SpanIndex.build(documents, tiny).withdraw([3, 11]);
    const digest = await store.store(index);
    const opened = await new SpanStore(blobs).open(digest);
    for (const { tokens } of documents) expect(opened.spansOf(tokens)).toEqual(index.spansOf(tokens));
    expect(await store.store(opened)).toBe(digest);
    const more = opened.append([documentOf(50)]);
    expect(more.spansOf(documentOf(50).tokens)).toMatchObject([{ records: [50] }]);
  });

  it('names what is damaged', async () => {
    const { dir, blobs, store } = await open();
    const index = SpanIndex.build(documents);
    const digest = await store.store(index);
    const blob = sha256(fileOf(index));
    const elsewhere = await blobs.put(Buffer.from('{"format":"other"}'));
    await expect(store.open(elsewhere)).rejects.toEqual(code('INDEX_CORRUPT'));
    const beyond = { format: 'openledger-span-index/1', tiers: tiny, shards: [{ blob, dead: [20] }] };
    await expect(store.open(await blobs.put(Buffer.from(JSON.stringify(beyond))))).rejects.toEqual(
      code('INDEX_CORRUPT'),
    );
    await writeFile(join(dir, blob.slice(0, 2), blob.slice(2)), 'damaged');
    await expect(new SpanStore(blobs).open(digest)).rejects.toEqual(code('BLOB_CORRUPT'));
  });
});

describe('a shard’s file', () => {
  const file = fileOf(SpanIndex.build(documents));
  const damaged = (at: number) => {
    const copy = Buffer.from(file);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return () => decodeShard(copy);
  };

  it('has every byte under a digest', () => {
    const names = [
      'header',
      'alphabet',
      'text',
      'order',
      'firsts',
      'starts',
      'records',
      'owners',
      'registered',
    ];
    const seen = new Set<string>();
    // Padding is the only thing that may change unseen.
    for (let at = 0; at < file.length; at += 7) {
      try {
        damaged(at)();
      } catch (error) {
        expect(error).toEqual(code('INDEX_CORRUPT'));
        seen.add(/section (\w+)/.exec(String(error))?.[1] ?? '');
      }
    }
    expect([...seen]).toEqual([...names, 'copies', 'contents']);
  });

  it('is refused when it is cut short, of another version or not aligned', () => {
    for (const length of [0, 8, 47, 48, 200, file.length - 32]) {
      expect(() => decodeShard(file.subarray(0, length))).toThrow(code('INDEX_CORRUPT'));
    }
    expect(() => decodeShard(Buffer.concat([Buffer.from('OLSPANS9'), file.subarray(8)]))).toThrow('header');
    const shifted = Buffer.concat([Buffer.alloc(1), file]).subarray(1);
    expect(decodeShard(shifted)).toEqual(decodeShard(file));
  });
});
