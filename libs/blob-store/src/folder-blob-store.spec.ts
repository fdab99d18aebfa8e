import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@openledger/kernel';
import { FolderBlobStore } from './folder-blob-store.js';

const open = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'blobs-'));
  return { dir, store: await FolderBlobStore.open(dir) };
};
const bytes = Buffer.from('a record');
const code = (value: string) => expect.objectContaining({ code: value });

describe('FolderBlobStore', () => {
  it('gives back what was put, by digest, and stores the same bytes once', async () => {
    const { dir, store } = await open();
    expect(await store.put(bytes)).toBe(sha256(bytes));
    expect(await store.put(bytes)).toBe(sha256(bytes));
    expect(Buffer.from(await store.get(sha256(bytes)))).toEqual(bytes);
    expect(await readdir(join(dir, 'staging'))).toEqual([]);
  });

  it('takes a stream, and leaves nothing behind when it fails', async () => {
    const { dir, store } = await open();
    async function* parts(fail: boolean) {
      yield bytes.subarray(0, 3);
      if (fail) throw new Error('connection lost');
      yield bytes.subarray(3);
    }
    expect(await store.putStream(parts(false))).toEqual({ digest: sha256(bytes), bytes: bytes.length });
    await expect(store.putStream(parts(true))).rejects.toThrow('connection lost');
    expect(await readdir(join(dir, 'staging'))).toEqual([]);
  });

  it('refuses what it does not hold, what is damaged and what is too large', async () => {
    const { dir, store } = await open();
    const digest = await store.put(bytes);
    await expect(store.get('0'.repeat(64))).rejects.toEqual(code('BLOB_UNKNOWN'));
    await expect(store.get('../../etc/passwd')).rejects.toEqual(code('BLOB_DIGEST_MALFORMED'));
    await expect(store.get(digest, 3)).rejects.toEqual(code('BLOB_TOO_LARGE'));
    await writeFile(join(dir, digest.slice(0, 2), digest.slice(2)), 'damaged');
    await expect(store.get(digest)).rejects.toEqual(code('BLOB_CORRUPT'));
  });
});
