import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError, invariant, isSha256, type Sha256, sha256 } from '@openledger/kernel';
import { BlobStore } from './blob-store.js';

/** Bytes that `get` brings into memory at most, unless the caller allows more. */
const GET_BYTES_MAX = 256 * 1024 * 1024;

/** Blobs as files `ab/cdef…`, written aside, synced, and renamed into place. */
export class FolderBlobStore extends BlobStore {
  private constructor(private readonly dir: string) {
    super();
  }

  /** Makes the folder, and sweeps what a crash left half-written. */
  static async open(dir: string): Promise<FolderBlobStore> {
    const staging = join(dir, 'staging');
    await mkdir(staging, { recursive: true });
    const cutoff = Date.now() - STAGING_MAX_AGE_MS;
    for (const name of await readdir(staging)) {
      const file = join(staging, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (mtimeMs < cutoff) await rm(file, { force: true });
    }
    return new FolderBlobStore(dir);
  }

  async put(bytes: Uint8Array): Promise<Sha256> {
    const digest = sha256(bytes);
    if (await this.has(digest)) return digest;
    const { digest: stored } = await this.putStream([bytes] as unknown as AsyncIterable<Uint8Array>);
    invariant(stored === digest, 'the same bytes have the same digest');
    return digest;
  }

  async putStream(chunks: AsyncIterable<Uint8Array>): Promise<{ digest: Sha256; bytes: number }> {
    const staged = join(this.dir, 'staging', randomUUID());
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      const file = await open(staged, 'wx');
      try {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const digest = hash.digest('hex');
      await this.adopt(staged, digest);
      return { digest, bytes };
    } catch (error) {
      await rm(staged, { force: true });
      throw error;
    }
  }

  async get(digest: Sha256, bytesMax = GET_BYTES_MAX): Promise<Uint8Array> {
    const file = this.pathOf(digest);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) {
      throw new DomainError('not-found', 'BLOB_UNKNOWN', `There is no blob ${digest}.`);
    }
    if (found.size > bytesMax) {
      throw new DomainError(
        'too-large',
        'BLOB_TOO_LARGE',
        `Blob ${digest} has ${found.size} bytes, more than ${bytesMax}.`,
      );
    }
    const bytes = await readFile(file);
    if (sha256(bytes) !== digest) {
      throw new DomainError(
        'unavailable',
        'BLOB_CORRUPT',
        `Blob ${digest} is damaged on disk: restore it from a backup.`,
      );
    }
    return bytes;
  }

  has(digest: Sha256): Promise<boolean> {
    return stat(this.pathOf(digest)).then(
      () => true,
      () => false,
    );
  }

  /** A blob is there only when its name is durable, so the folder is synced after the rename. */
  private async adopt(staged: string, digest: Sha256): Promise<void> {
    const target = this.pathOf(digest);
    await mkdir(dirname(target), { recursive: true });
    await rename(staged, target);
    const folder = await open(dirname(target), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  private pathOf(digest: Sha256): string {
    if (!isSha256(digest))
      throw new DomainError(
        'invalid',
        'BLOB_DIGEST_MALFORMED',
        'A blob is named by its SHA-256 in hexadecimal.',
      );
    return join(this.dir, digest.slice(0, 2), digest.slice(2));
  }
}

const STAGING_MAX_AGE_MS = 24 * 60 * 60 * 1_000;
