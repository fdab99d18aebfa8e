import type { RankedRow } from '../../../domain/vectors/best-rows.js';
import { natsOf } from '../../../domain/vectors/quantise.js';

/** A row with what it says about a query. `nats = product · scale of the row · scale of the query`, in this order. */
export interface ScannedRow {
  readonly row: number;
  readonly record: number;
  readonly cluster: number;
  /** Exact: Σ row · query over the integers. */
  readonly product: number;
  readonly nats: number;
}

export function scannedRow(
  { row, record, product }: RankedRow,
  of: { readonly scales: Float32Array; readonly clusters: Uint32Array; readonly queryScale: number },
): ScannedRow {
  const nats = natsOf(product, of.scales[row] ?? 0, of.queryScale);
  return { row, record, cluster: of.clusters[row] ?? 0, product, nats };
}
