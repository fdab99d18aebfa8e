import { type SummedGroups, shorts } from '../../../domain/vectors/group-sums.js';
import { allNats, type QuantisedQuery } from '../../../domain/vectors/quantise.js';
import { checkQuery } from './query.js';
import type { ScanThreads } from './scan-threads.js';

/** Sums of groups of rows, compared with a query in one pass: what is paid for, at a cost that is independent of rows. */
export class GroupSums {
  constructor(
    readonly k: number,
    private readonly sums: SummedGroups,
    private readonly threads: ScanThreads,
  ) {}

  get count(): number {
    return this.sums.scales.length;
  }

  /** The integers and the scale of a group's sum, as a receipt shows them. */
  group(group: number): QuantisedQuery {
    return { values: shorts(this.sums.vectors, this.k, group).slice(), scale: this.sums.scales[group] ?? 0 };
  }

  /** By group: the exact product of sum and query, over their integers. @throws DomainError QUERY_INVALID */
  async products(query: QuantisedQuery): Promise<Int32Array> {
    checkQuery(query, this.k);
    const { memory, stride } = this.sums.vectors;
    const products = new Int32Array(new SharedArrayBuffer(4 * this.count));
    await this.threads.run({ memory, stride, bytes: 2, rows: this.count, products }, query.values);
    return products;
  }

  /** By group: `product · scale of the sum · scale of the query`, in this order. @throws DomainError QUERY_INVALID */
  async scores(query: QuantisedQuery): Promise<Float64Array> {
    return allNats(await this.products(query), this.sums.scales, query.scale);
  }
}
