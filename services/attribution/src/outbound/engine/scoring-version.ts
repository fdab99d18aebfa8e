import type { BlobStore } from '@openledger/blob-store';
import type { ModelVersion } from '../../application/ports.js';
import { type CompletionSpans, completionSpans } from './answer-spans.js';
import { InfluenceSpace } from './influence/influence-space.js';
import type { GroupSums } from './vectors/group-sums.js';
import type { ScanThreads } from './vectors/scan-threads.js';
import { type IndexDescription, loadIndex, type VersionIndex } from './version-index.js';
import type { VersionModel } from './version-model.js';

/** A version with its index and the verbatim index of its completions. */
export interface ScoringVersion {
  readonly model: VersionModel;
  readonly space: InfluenceSpace;
  readonly index: VersionIndex;
  /** Σ of the vectors of each cluster. */
  readonly sums: GroupSums;
  /** Rows of each cluster; rows lie by cluster. */
  readonly clusterRows: readonly { readonly from: number; readonly count: number }[];
  /** |z| of each row. */
  readonly lengths: Float64Array;
  readonly indexDigest: string;
  readonly description: IndexDescription;
  readonly spans: CompletionSpans;
}

/** @throws DomainError NO_INDEX, INDEX_DIFFERS, INDEX_CORRUPT */
export async function openScoring(
  blobs: BlobStore,
  model: VersionModel,
  given: {
    readonly version: ModelVersion;
    readonly indexDigest: string;
    readonly scan: ScanThreads;
    readonly threads: number;
  },
): Promise<ScoringVersion> {
  const { version, indexDigest, scan, threads } = given;
  const { adapterDigest } = version;
  const { index, description } = await loadIndex(blobs, indexDigest, { adapterDigest, threads: scan });
  const { gradients, trajectory } = model;
  const { clusters } = index.vectors;
  return {
    model,
    space: await InfluenceSpace.restore({ gradients, trajectory }, index.projection, { threads }),
    index,
    sums: index.vectors.sums({ groups: clusters.slice(), count: description.clusters }),
    clusterRows: rowsByCluster(clusters, description.clusters),
    lengths: lengthsOf(index),
    indexDigest,
    description,
    spans: completionSpans(model),
  };
}

function rowsByCluster(clusters: Uint32Array, count: number): { from: number; count: number }[] {
  const rows = Array.from({ length: count }, () => ({ from: 0, count: 0 }));
  for (const [row, cluster] of clusters.entries()) {
    const range = rows[cluster];
    if (!range) continue;
    if (range.count === 0) range.from = row;
    range.count += 1;
  }
  return rows;
}

function lengthsOf({ vectors }: VersionIndex): Float64Array {
  return Float64Array.from({ length: vectors.rows }, (_, row) => {
    const { values, scale } = vectors.row(row);
    return scale * Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  });
}
