import { createHash, type Hash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, type Json } from '@openledger/kernel';
import type { Example } from '@openledger/transformer';
import type { Training } from './trained-run.js';

/** To be raised whenever the arithmetic of training or scoring changes: what was kept before is forgotten. */
const CODE_VERSION = 'retrain/1';

/**
 * Losses of queries after retrains, one small file each, under the hash of all that decides them: base model, recipe,
 * examples, their weights, queries, threads and the version of the code.
 */
export class RetrainCache {
  private constructor(
    private readonly folder: string,
    private readonly key: Buffer,
    private readonly queries: number,
  ) {}

  static async open(folder: string, training: Training, queries: readonly Example[]): Promise<RetrainCache> {
    await mkdir(folder, { recursive: true });
    return new RetrainCache(folder, keyOf(training, queries), queries.length);
  }

  async read(weights: ArrayLike<number>): Promise<Float64Array | undefined> {
    const bytes = await readFile(this.pathOf(weights)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes?.length !== this.queries * Float64Array.BYTES_PER_ELEMENT) return undefined;
    return Float64Array.from({ length: this.queries }, (_, q) => bytes.readDoubleLE(q * 8));
  }

  async write(weights: ArrayLike<number>, losses: Float64Array): Promise<void> {
    const path = this.pathOf(weights);
    const part = `${path}.${randomUUID()}.part`;
    await writeFile(part, losses);
    await rename(part, path);
  }

  private pathOf(weights: ArrayLike<number>): string {
    const hash = createHash('sha256').update(this.key).update(Float64Array.from(weights));
    return join(this.folder, `${hash.digest('hex')}.f64`);
  }
}

function keyOf({ base, recipe, examples, options }: Training, queries: readonly Example[]): Buffer {
  const hash = createHash('sha256');
  const { threads = 0, provider = 'cpu' } = options;
  const parts = { version: CODE_VERSION, config: base.config, recipe, threads, provider };
  // Through JSON, which leaves out what is undefined.
  hash.update(canonicalJson(JSON.parse(JSON.stringify(parts)) as Json));
  for (const [name, { shape, data }] of [...base.weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`\n${name} ${shape.join()}\n`).update(data);
  }
  for (const list of [examples, queries]) {
    hash.update(`\n${list.length}\n`);
    for (const example of list) addExample(hash, example);
  }
  return hash.digest();
}

function addExample(hash: Hash, { inputIds, labels, weights }: Example): void {
  hash.update(`${inputIds.length} ${weights ? 'weighted' : 'plain'}\n`);
  hash.update(Int32Array.from(inputIds)).update(Int32Array.from(labels));
  if (weights) hash.update(Float64Array.from(weights));
}
