/** A row of an index with its product and `score = product · scale of the row`, still without the query's scale. */
export interface RankedRow {
  readonly row: number;
  readonly record: number;
  readonly product: number;
  readonly score: number;
}

/** Higher scores first; equal ones by record, then by row. */
export const byRank = (a: RankedRow, b: RankedRow): number =>
  b.score - a.score || a.record - b.record || a.row - b.row;

/** The best of the rows offered, in order. */
export class BestRows {
  private readonly rows: RankedRow[] = [];

  constructor(private readonly count: number) {}

  /** Nothing below it is taken. */
  get threshold(): number {
    return this.rows.length < this.count
      ? Number.NEGATIVE_INFINITY
      : (this.rows.at(-1)?.score ?? Number.POSITIVE_INFINITY);
  }

  offer(candidate: RankedRow): void {
    const last = this.rows.at(-1);
    if (this.rows.length >= this.count && (!last || byRank(candidate, last) >= 0)) return;
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.rows[middle];
      if (other && byRank(other, candidate) <= 0) low = middle + 1;
      else high = middle;
    }
    this.rows.splice(low, 0, candidate);
    if (this.rows.length > this.count) this.rows.pop();
  }

  get inOrder(): readonly RankedRow[] {
    return this.rows;
  }
}
