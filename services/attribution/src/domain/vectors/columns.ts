import type { RowBlock } from './row-block.js';

/** What a row has beside its vector, in memory that all threads of a scan see. */
export class Columns {
  scales = new Float32Array(new SharedArrayBuffer(0));
  clusters = new Uint32Array(new SharedArrayBuffer(0));
  records = new Uint32Array(new SharedArrayBuffer(0));
  /** 1: removed. */
  dead = new Uint8Array(new SharedArrayBuffer(0));

  reserve(rows: number): void {
    if (rows <= this.scales.length) return;
    const capacity = Math.max(rows, 2 * this.scales.length, 1_024);
    const grown = <T extends Float32Array | Uint32Array | Uint8Array>(
      array: new (buffer: SharedArrayBuffer) => T,
      old: T,
    ): T => {
      const wider = new array(new SharedArrayBuffer(capacity * old.BYTES_PER_ELEMENT));
      wider.set(old);
      return wider;
    };
    this.scales = grown(Float32Array<SharedArrayBuffer>, this.scales);
    this.clusters = grown(Uint32Array<SharedArrayBuffer>, this.clusters);
    this.records = grown(Uint32Array<SharedArrayBuffer>, this.records);
    this.dead = grown(Uint8Array<SharedArrayBuffer>, this.dead);
  }

  write(row: number, { scales, clusters, records }: Omit<RowBlock, 'vectors'>): void {
    this.scales.set(scales, row);
    this.clusters.set(clusters, row);
    this.records.set(records, row);
    this.dead.fill(0, row, row + scales.length);
  }

  /** Moves rows towards the front. */
  move(to: number, from: number, count: number): void {
    for (const column of [this.scales, this.clusters, this.records, this.dead]) {
      column.copyWithin(to, from, from + count);
    }
  }
}
