import { DomainError } from '@openledger/kernel';
import { seededRandom } from '@openledger/transformer';
import type { Reliability } from '../../application/ports.js';
import { KAPPA } from '../../domain/credit/training-credit.js';
import { contentClusters } from '../../domain/influence/content-clusters.js';
import { stakesOf } from '../../domain/lineage.js';
import { shuffled } from '../../domain/shuffled.js';
import { InfluenceSpace, rowOf } from './influence/influence-space.js';
import type { Matrix } from './influence/products.js';
import type { ScanThreads } from './vectors/scan-threads.js';
import { VectorIndex } from './vectors/vector-index.js';
import { auditIndex } from './version-audit.js';
import type { VersionIndex } from './version-index.js';
import type { VersionModel } from './version-model.js';

export const SEED = 20_261_120;
const DECOYS_MAX = 32;
/** Their base shares travel in every score, and a record on the log stays under 256 KB. */
const CONTRIBUTORS_MAX = 1_000;

export interface BuiltIndex {
  readonly index: VersionIndex;
  readonly clusters: number;
  readonly kappa: number;
  readonly reliability: Reliability;
}

export interface BuildOptions {
  readonly threads: number;
  readonly scan: ScanThreads;
  readonly onProgress: (record: number, records: number) => void;
}

/** Turns every record into a vector. The result depends on the version alone. */
export async function buildIndex(
  model: VersionModel,
  { threads, scan, onProgress }: BuildOptions,
): Promise<BuiltIndex> {
  const { records, examples, gradients, trajectory } = model;
  if (records.length === 0) {
    throw new DomainError('precondition', 'NO_INDEX', 'The model was trained on no record that is known.');
  }
  const contributors = stakesOf(records).length;
  if (contributors > CONTRIBUTORS_MAX) {
    const message = `The model has ${contributors} contributors; attribution takes ${CONTRIBUTORS_MAX} at most.`;
    throw new DomainError('too-large', 'TOO_MANY_CONTRIBUTORS', message);
  }
  const { space, records: vectors } = await InfluenceSpace.fit(
    { gradients, trajectory },
    examples,
    model.learning,
    {
      threads,
      report: onProgress,
    },
  );
  try {
    requireFinite(vectors);
    const clusters = contentClusters({ data: vectors.data, width: vectors.columns });
    const decoys = await decoyVectors(model, space);
    const { reliability } = await auditIndex({ model, space, vectors }, 0);
    return {
      index: { vectors: byCluster(vectors, clusters, scan), projection: space.projection, decoys },
      clusters: new Set(clusters).size,
      kappa: KAPPA,
      reliability: {
        ppb: reliability.reliabilityPpb,
        lowPpb: reliability.lowPpb,
        highPpb: reliability.highPpb,
      },
    };
  } finally {
    await space.release();
  }
}

function byCluster(vectors: Matrix, clusters: Uint32Array, scan: ScanThreads): VectorIndex {
  const order = [...clusters.keys()].sort((a, b) => (clusters[a] ?? 0) - (clusters[b] ?? 0) || a - b);
  return VectorIndex.build(
    vectors.columns,
    order.map((record) => ({ vector: rowOf(vectors, record), record, cluster: clusters[record] ?? 0 })),
    scan,
  );
}

function requireFinite({ columns, data }: Matrix): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const message = `The gradient of record ${Math.floor(at / columns)} is not finite: the adapter or its log is damaged.`;
  throw new DomainError('precondition', 'NOT_FINITE', message);
}

/** Records that the model never saw: what these score is chance. */
function decoyVectors(model: VersionModel, space: InfluenceSpace): Promise<Matrix> {
  const held = shuffled(model.heldOut, seededRandom(SEED)).slice(0, DECOYS_MAX);
  return space.records(held.map((record) => model.exampleOf(record)));
}
