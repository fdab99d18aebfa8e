import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSha256, sha256 } from '@openledger/kernel';
import { GreedyDual } from '../domain/greedy-dual.js';

/**
 * Blobs fetched from far away, as files `ab/cdef…` of a bounded folder that outlasts the process. A file is
 * whole or absent, and believed only where its bytes have its name; so nothing needs to be synced.
 */
export class DiskCache {
  private readonly policy = new GreedyDual();
  private readonly sizes = new Map<string, number>();
  private used = 0;
  private readonly evicted: (bytes: number) => void;

  private constructor(
    private readonly dir: string,
    private readonly bytesMax: number,
    onEvicted: (bytes: number) => void,
  ) {
    this.evicted = onEvicted;
  }

  /** Takes over what is there already, and sweeps what is half-written. */
  static async open(
    dir: string,
    bytesMax: number,
    onEvicted: (bytes: number) => void = () => undefined,
  ): Promise<DiskCache> {
    const cache = new DiskCache(dir, bytesMax, onEvicted);
    await rm(join(dir, 'staging'), { recursive: true, force: true });
    await mkdir(join(dir, 'staging'), { recursive: true });
    const found: { readonly digest: string; readonly bytes: number; readonly at: number }[] = [];
    for (const folder of await readdir(dir)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const name of await readdir(join(dir, folder))) {
        const { size, mtimeMs } = await stat(join(dir, folder, name));
        if (isSha256(folder + name)) found.push({ digest: folder + name, bytes: size, at: mtimeMs });
      }
    }
    for (const { digest, bytes } of found.sort((a, b) => a.at - b.at)) cache.enter(digest, bytes, bytes);
    await cache.shrink();
    return cache;
  }

  get bytes(): number {
    return this.used;
  }

  /** Undefined where it is not there, or damaged, which ends it. */
  async get(digest: string): Promise<Uint8Array | undefined> {
    if (!this.sizes.has(digest)) return undefined;
    const bytes = await readFile(this.pathOf(digest)).catch(() => undefined);
    if (bytes && sha256(bytes) === digest) {
      this.policy.used(digest);
      // The time of the last use, by which the next start orders what it finds.
      const now = new Date();
      await utimes(this.pathOf(digest), now, now).catch(() => undefined);
      return bytes;
    }
    await this.remove(digest);
    return undefined;
  }

  /** @param cost milliseconds that fetching took */
  async put(digest: string, bytes: Uint8Array, cost: number): Promise<void> {
    if (this.sizes.has(digest) || bytes.length > this.bytesMax) return;
    const staged = join(this.dir, 'staging', randomUUID());
    try {
      await writeFile(staged, bytes, { flag: 'wx' });
      await mkdir(join(this.dir, digest.slice(0, 2)), { recursive: true });
      await rename(staged, this.pathOf(digest));
    } catch (error) {
      await rm(staged, { force: true });
      throw error;
    }
    if (this.sizes.has(digest)) return;
    this.enter(digest, bytes.length, cost);
    await this.shrink();
  }

  private enter(digest: string, bytes: number, cost: number): void {
    this.sizes.set(digest, bytes);
    this.policy.add(digest, { bytes, cost });
    this.used += bytes;
  }

  private async shrink(): Promise<void> {
    while (this.used > this.bytesMax) {
      const victim = this.policy.evict(() => true);
      if (victim === undefined) return;
      this.evicted(this.sizes.get(victim) ?? 0);
      await this.remove(victim);
    }
  }

  private async remove(digest: string): Promise<void> {
    this.used -= this.sizes.get(digest) ?? 0;
    this.sizes.delete(digest);
    this.policy.remove(digest);
    await rm(this.pathOf(digest), { force: true });
  }

  private pathOf(digest: string): string {
    return join(this.dir, digest.slice(0, 2), digest.slice(2));
  }
}
