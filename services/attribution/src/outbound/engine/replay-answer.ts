import type { BlobStore } from '@openledger/blob-store';
import { DomainError, isSha256, type Json } from '@openledger/kernel';
import type {
  AnswerOrder,
  ModelVersion,
  Replay,
  ReplayOrder,
  ScoredAnswer,
} from '../../application/ports.js';
import type { RecordOwner } from '../../application/record-registry.js';
import { jsonDifferences } from '../../domain/json-differences.js';
import type { ChunkOwner, ScoreReceipt } from '../../domain/receipt.js';
import { readJson } from '../json-blob.js';

/** Enough to see what kind of difference it is. */
const DIFFERENCES_MAX = 16;

export interface ReplayParts {
  readonly blobs: BlobStore;
  /** Of the arithmetic that runs now. */
  readonly codeVersion: string;
  readonly score: (order: AnswerOrder) => Promise<ScoredAnswer>;
  /** What the receipt's own integers say of it: the first thing that is not as it says; see `verifyReceipt`. */
  readonly verify: (receipt: ScoreReceipt) => Promise<string | undefined>;
}

/**
 * Computes a score again from its receipt's inputs and compares every measure and share. A receipt of an earlier
 * version of the arithmetic may come out otherwise without anybody having cheated; then its own integers decide.
 */
export async function replayAnswer(
  parts: ReplayParts,
  { version, receiptBlob }: ReplayOrder,
): Promise<Replay> {
  const { blobs, codeVersion } = parts;
  const gone = await missingOf(blobs, [['receipt', receiptBlob]]);
  if (gone.length > 0) return incomplete('', gone);
  const receipt = (await readJson(blobs, receiptBlob)) as ScoreReceipt;
  const missing = await missingOf(blobs, inputsOf(version, receipt));
  if (missing.length > 0) return incomplete(receipt.codeVersion, missing);
  const again = await scoredAgain(parts, version, receipt);
  if ('missing' in again) return incomplete(receipt.codeVersion, again.missing);
  const differences = await differencesTo(blobs, receipt, again.score);
  const base = { missing: [], codeVersion: receipt.codeVersion };
  if (differences.length === 0) {
    return {
      ...base,
      equal: true,
      differences,
      note: `Computed again by ${codeVersion}: every integer is the same.`,
    };
  }
  if (receipt.codeVersion === codeVersion) {
    return {
      ...base,
      equal: false,
      differences,
      note: `Computed again by ${codeVersion}.`,
      score: again.score,
    };
  }
  const wrong = await parts.verify(receipt);
  const note = `Computed by ${receipt.codeVersion}, which ${codeVersion} has replaced: the receipt's own integers were verified, its measures cannot be taken again bit for bit.`;
  return { ...base, equal: wrong === undefined, differences: wrong === undefined ? [] : [wrong], note };
}

const incomplete = (codeVersion: string, missing: readonly string[]): Replay => ({
  equal: false,
  differences: [],
  missing,
  codeVersion,
  note: 'An input is gone, so the score cannot be computed again.',
});

type Named = readonly [name: string, blob: string];

const inputsOf = (version: ModelVersion, { inputs }: ScoreReceipt): Named[] => [
  ['tokens', inputs.tokensBlob],
  ['index', inputs.indexDigest],
  ['adapter configuration', version.adapterConfigBlob],
  ['adapter weights', version.adapterWeightsBlob],
  ['lineage', version.lineageBlob],
  ['training log', version.trainingLogBlob],
];

async function missingOf(blobs: BlobStore, named: readonly Named[]): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, blob] of named) {
    if (!isSha256(blob) || !(await blobs.has(blob))) missing.push(`${name} ${blob}`);
  }
  return missing;
}

/** What lies behind the inputs, shards of the index for one, is found missing by whoever reads it. */
async function scoredAgain(
  { score }: ReplayParts,
  version: ModelVersion,
  { inputs }: ScoreReceipt,
): Promise<{ readonly score: ScoredAnswer } | { readonly missing: readonly string[] }> {
  try {
    return {
      score: await score({
        version,
        indexDigest: inputs.indexDigest,
        requestId: inputs.requestId,
        tokensBlob: inputs.tokensBlob,
        parties: new Map(Object.entries(inputs.parties)),
        withdrawn: inputs.withdrawn,
        chunkOwners: new Map(Object.entries(inputs.chunkOwners).map(([id, owner]) => [id, revived(owner)])),
        reliability: inputs.reliability,
      }),
    };
  } catch (error) {
    const isGone = error instanceof DomainError && GONE.has(error.code);
    if (!isGone) throw error;
    return { missing: [`${error.code}: ${error.message}`] };
  }
}

const revived = ({ acceptedAt, withdrawnAt, ...owner }: ChunkOwner): RecordOwner => ({
  ...owner,
  acceptedAt: new Date(acceptedAt),
  ...(withdrawnAt !== undefined && { withdrawnAt: new Date(withdrawnAt) }),
});

const GONE = new Set(['BLOB_UNKNOWN', 'BLOB_CORRUPT', 'BASE_MODEL_DIFFERS']);

async function differencesTo(
  blobs: BlobStore,
  receipt: ScoreReceipt,
  score: ScoredAnswer,
): Promise<string[]> {
  if (score.receiptBlob === '') return [`result.status: scored before, now ${score.reason}`];
  const again = (await readJson(blobs, score.receiptBlob)) as ScoreReceipt;
  // Another version of the arithmetic that comes to the same is no difference.
  const comparable = ({ codeVersion: _by, ...rest }: ScoreReceipt) => rest as unknown as Json;
  return jsonDifferences(comparable(receipt), comparable(again), DIFFERENCES_MAX);
}
