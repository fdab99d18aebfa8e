import { KvCache, type ModelConfig, type ServingSession } from '@openledger/transformer';
import type { Row } from './row.js';

/** The rows that are decoded together, and their keys and values: row i of the cache is row i. */
export class DecodingRows {
  readonly rows: Row[] = [];
  private readonly cache: KvCache;

  constructor(
    private readonly session: Pick<ServingSession, 'step'>,
    private readonly config: ModelConfig,
    rowsMax: number,
  ) {
    this.cache = new KvCache(config, rowsMax);
  }

  /** Takes over what a row whose prompt is read has in a cache of its own. */
  join(row: Row): void {
    const own = row.ownCache(this.config);
    const index = this.cache.addRow();
    this.cache.appendRow(index, own, 0);
    this.rows[index] = row;
    row.cache = undefined;
  }

  /** Gives a row its keys and values to take along; false where it is not here. */
  standAside(row: Row): boolean {
    const index = this.rows.indexOf(row);
    if (index < 0) return false;
    row.ownCache(this.config).appendRow(0, this.cache, index);
    return this.remove(row);
  }

  /** False where the row is not here. */
  remove(row: Row): boolean {
    const index = this.rows.indexOf(row);
    if (index < 0) return false;
    const moved = this.cache.removeRow(index);
    const last = this.rows.pop();
    if (moved !== undefined && last) this.rows[index] = last;
    return true;
  }

  /** Reads the last token of every row; the logits that follow, in the order of the rows. */
  async step(): Promise<readonly Float32Array[]> {
    const steps = this.rows.map((row) => row.stepOf([row.lastToken]));
    const step = await this.session.step(steps, this.cache);
    for (const index of this.rows.keys()) this.cache.append(index, step, index, 1);
    return this.rows.map((_, index) => logitsOf(step.logits.data, index, this.config.vocabSize));
  }
}

/** The logits of one row of a step. */
export const logitsOf = (logits: Float32Array, row: number, vocabSize: number): Float32Array =>
  logits.subarray(row * vocabSize, (row + 1) * vocabSize);
