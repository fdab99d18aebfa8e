import type { BlobStore } from '@openledger/blob-store';
import { DomainError, invariant } from '@openledger/kernel';
import { encodeSafetensors, parseSafetensors } from '@openledger/transformer';
import type { IndexSummary, Reliability } from '../../application/ports.js';
import type { Stake } from '../../domain/lineage.js';
import { readJson, storeJson } from '../json-blob.js';
import type { Matrix } from './influence/products.js';
import type { Projection } from './influence/projection.js';
import type { ScanThreads } from './vectors/scan-threads.js';
import { VectorIndex } from './vectors/vector-index.js';

export const INDEX_FORMAT = 'openledger-attribution-index/2';

/** What scoring needs of a version's training. */
export interface VersionIndex {
  /** Rows by cluster, then in the order of the lineage; `record` is the place in the lineage. */
  readonly vectors: VectorIndex;
  readonly projection: Projection;
  /** Vectors of records the model never saw, [decoys × k]. */
  readonly decoys: Matrix;
}

/** Everything that decides the index's content, so that anybody computes the same. */
export interface IndexDescription {
  readonly format: typeof INDEX_FORMAT;
  readonly adapterDigest: string;
  readonly baseDigest: string;
  readonly lineageBlob: string;
  readonly trainingLogBlob: string;
  readonly dimensions: number;
  /** Share of the records' energy that the dimensions keep. */
  readonly captured: number;
  /** Trained parameters. */
  readonly parameters: number;
  readonly records: number;
  readonly clusters: number;
  /** Standard errors that are taken off a cluster's score. */
  readonly kappa: number;
  readonly stakes: readonly Stake[];
  readonly reliability: Reliability;
  /** SHA-256 of the vectors' description, and the Merkle root over them. */
  readonly vectors: string;
  readonly root: string;
  /** SHA-256 of safetensors with `basis` and `decoys`. */
  readonly projectionBlob: string;
}

type Decided = Omit<
  IndexDescription,
  'format' | 'dimensions' | 'captured' | 'vectors' | 'root' | 'projectionBlob'
>;

/** Stores an index; its digest is that of the description. */
export async function storeIndex(
  blobs: BlobStore,
  { vectors, projection, decoys }: VersionIndex,
  decided: Decided,
): Promise<IndexSummary> {
  const { basis, captured } = projection;
  const tensors = new Map([
    ['basis', tensorOf(basis)],
    ['decoys', tensorOf(decoys)],
  ]);
  const description: IndexDescription = {
    format: INDEX_FORMAT,
    ...decided,
    dimensions: basis.rows,
    captured,
    vectors: await vectors.store(blobs),
    root: vectors.root,
    projectionBlob: await blobs.put(encodeSafetensors(tensors)),
  };
  return summaryOf(await storeJson(blobs, description), description);
}

/** The index of nothing, of an adapter that was trained elsewhere. */
export async function storeEmptyIndex(
  blobs: BlobStore,
  decided: Pick<Decided, 'adapterDigest' | 'baseDigest' | 'lineageBlob' | 'trainingLogBlob'>,
): Promise<IndexSummary> {
  const description: IndexDescription = {
    format: INDEX_FORMAT,
    ...decided,
    dimensions: 0,
    captured: 0,
    parameters: 0,
    records: 0,
    clusters: 0,
    kappa: 0,
    stakes: [],
    reliability: { ppb: 0, lowPpb: 0, highPpb: 0 },
    vectors: '',
    root: '',
    projectionBlob: '',
  };
  return summaryOf(await storeJson(blobs, description), description);
}

/** @throws DomainError NO_INDEX, INDEX_DIFFERS, INDEX_CORRUPT */
export async function loadIndex(
  blobs: BlobStore,
  digest: string,
  { adapterDigest, threads }: { readonly adapterDigest: string; readonly threads: ScanThreads },
): Promise<{ readonly index: VersionIndex; readonly description: IndexDescription }> {
  const description = (await readJson(blobs, digest)) as IndexDescription;
  if (description.format !== INDEX_FORMAT || description.projectionBlob === '') {
    const message = `${digest} is no index that this version of the service scores with (${INDEX_FORMAT}).`;
    throw new DomainError('precondition', 'NO_INDEX', message);
  }
  if (description.adapterDigest !== adapterDigest) {
    const message = `The index ${digest} is of the adapter ${description.adapterDigest}, not of ${adapterDigest}.`;
    throw new DomainError('precondition', 'INDEX_DIFFERS', message);
  }
  const { tensors } = parseSafetensors(await blobs.get(description.projectionBlob));
  const matrix = (name: string): Matrix => {
    const tensor = tensors.get(name);
    invariant(tensor, `the index has no ${name}`);
    const [rows = 0, columns = 0] = tensor.shape;
    return { rows, columns, data: tensor.data };
  };
  const { captured, vectors } = description;
  return {
    index: {
      vectors: await VectorIndex.open(blobs, vectors, threads),
      projection: { basis: matrix('basis'), captured },
      decoys: matrix('decoys'),
    },
    description,
  };
}

/** The vectors as they are paid by, in the order of the lineage. */
export function recordVectors({ vectors }: VersionIndex): Matrix {
  const data = new Float32Array(vectors.rows * vectors.k);
  for (const [row, record] of vectors.records.entries()) {
    const { values, scale } = vectors.row(row);
    for (const [i, value] of values.entries()) data[record * vectors.k + i] = value * scale;
  }
  return { rows: vectors.rows, columns: vectors.k, data };
}

const tensorOf = ({ rows, columns, data }: Matrix) => ({ shape: [rows, columns], data });

const summaryOf = (
  digest: string,
  { root, reliability, records, parameters, stakes }: IndexDescription,
): IndexSummary => ({ digest, root, reliability, records, parameters, stakes });
