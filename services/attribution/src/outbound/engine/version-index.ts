import type { BlobStore } from '@openledger/blob-store';
import { invariant, PPB } from '@openledger/kernel';
import { encodeSafetensors, parseSafetensors, type Tensor } from '@openledger/transformer';
import type { IndexSummary } from '../../application/ports.js';
import type { Stake } from '../../domain/lineage.js';
import { readJson, storeJson } from '../json-blob.js';

/** What scoring needs of a version's training data. */
export interface VersionIndex {
  /** By contributor, in order of their ids: Σ z over his records, [parameters]. */
  readonly sums: readonly Float32Array[];
  /** By record, in order of the lineage: count sketch of z. */
  readonly sketches: readonly Float32Array[];
  /** z of examples the model never saw, of the records' typical length. */
  readonly decoys: readonly Float32Array[];
}

/** Everything that decides the index's content, so that anybody computes the same. */
export interface IndexDescription {
  readonly format: 'openledger-attribution-index/1';
  readonly adapterDigest: string;
  readonly baseDigest: string;
  readonly lineageBlob: string;
  readonly trainingLogBlob: string;
  readonly sketchSize: number;
  readonly seed: number;
  readonly parameters: number;
  readonly records: number;
  readonly stakes: readonly Stake[];
  readonly audit: { readonly pairs: number; readonly pearson: number };
  readonly reliabilityPpb: number;
  /** SHA-256 of the vectors' safetensors. */
  readonly vectorsBlob: string;
}

/** Stores an index; its digest is that of the description. */
export async function storeIndex(
  blobs: BlobStore,
  { sums, sketches, decoys }: VersionIndex,
  description: Omit<IndexDescription, 'vectorsBlob'>,
): Promise<IndexSummary> {
  const tensors = new Map([
    ['sums', stacked(sums)],
    ['sketches', stacked(sketches)],
    ['decoys', stacked(decoys)],
  ]);
  const vectorsBlob = await blobs.put(encodeSafetensors(tensors));
  const { reliabilityPpb, records, parameters, stakes } = description;
  const stored = { ...description, vectorsBlob };
  const digest = await storeJson(blobs, stored);
  // One small audit says nothing of its own error.
  const reliability = { ppb: reliabilityPpb, lowPpb: 0, highPpb: Number(PPB) };
  return { digest, root: '', reliability, records, parameters, stakes };
}

export async function loadIndex(
  blobs: BlobStore,
  digest: string,
): Promise<{ readonly index: VersionIndex; readonly description: IndexDescription }> {
  const description = (await readJson(blobs, digest)) as IndexDescription;
  const { tensors } = parseSafetensors(await blobs.get(description.vectorsBlob));
  const rows = (name: string) => {
    const tensor = tensors.get(name);
    invariant(tensor, `the index has no ${name}`);
    return unstacked(tensor);
  };
  return {
    index: { sums: rows('sums'), sketches: rows('sketches'), decoys: rows('decoys') },
    description,
  };
}

function stacked(rows: readonly Float32Array[]): Tensor {
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) data.set(row, i * width);
  return { shape: [rows.length, width], data };
}

function unstacked({ shape: [count = 0, width = 0], data }: Tensor): Float32Array[] {
  return Array.from({ length: count }, (_, i) => data.subarray(i * width, (i + 1) * width));
}
