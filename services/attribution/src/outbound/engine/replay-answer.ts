import type { BlobStore } from '@openledger/blob-store';
import { DomainError, isSha256, type Json } from '@openledger/kernel';
import {
  type AnswerOrder,
  FINAL_REASONS,
  type ModelVersion,
  type Replay,
  type ReplayOrder,
  type ScoredAnswer,
} from '../../application/ports.js';
import type { RecordOwner } from '../../application/record-registry.js';
import { jsonDifferences } from '../../domain/json-differences.js';
import type { ChunkOwner, ReceiptInputs, ScoreReceipt } from '../../domain/receipt.js';
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
export async function replayAnswer(parts: ReplayParts, order: ReplayOrder): Promise<Replay> {
  const { blobs } = parts;
  const { version, published } = order;
  const gone = await missingOf(blobs, [['receipt', published.receiptBlob]]);
  if (gone.length > 0) return incomplete(published.codeVersion, gone);
  const receipt = (await readJson(blobs, published.receiptBlob)) as ScoreReceipt;
  const { codeVersion } = receipt;
  const inputs = knownInputs(order, receipt);
  const missing = await missingOf(blobs, inputsOf(version, inputs));
  if (missing.length > 0) return incomplete(codeVersion, missing);
  const again = await scoredAgain(parts, version, { ...receipt, inputs });
  if ('missing' in again) return incomplete(codeVersion, again.missing);
  const forged = forgeries(order, receipt);
  if (forged.length > 0) return differing(receipt, forged, { note: FORGED, ...again });
  const differences = await differencesTo(blobs, receipt, again);
  if (differences.length === 0) {
    const note = `Computed again by ${parts.codeVersion}: every integer is the same.`;
    return { equal: true, differences, missing: [], codeVersion, note };
  }
  if (codeVersion !== parts.codeVersion) return verified(parts, receipt);
  return differing(receipt, differences, { note: `Computed again by ${codeVersion}.`, ...again });
}

const FORGED = 'The receipt does not say what is known without it.';

async function verified(parts: ReplayParts, receipt: ScoreReceipt): Promise<Replay> {
  const { codeVersion } = receipt;
  const wrong = await parts.verify(receipt);
  const note = `Computed by ${codeVersion}, which ${parts.codeVersion} has replaced: the receipt's own integers were verified, its measures cannot be taken again bit for bit.`;
  return wrong === undefined
    ? { equal: true, differences: [], missing: [], codeVersion, note }
    : differing(receipt, [wrong], { note });
}

const differing = (
  { codeVersion }: ScoreReceipt,
  differences: readonly string[],
  { note, score }: { readonly note: string; readonly score?: ScoredAnswer },
): Replay => ({ equal: false, differences, missing: [], codeVersion, note, ...(score && { score }) });

const incomplete = (codeVersion: string, missing: readonly string[]): Replay => ({
  equal: false,
  differences: [],
  missing,
  codeVersion,
  note: 'An input is gone, so the score cannot be computed again.',
});

/** The receipt's inputs, but for those that are known without it. */
const knownInputs = (
  { version, requestId, tokensBlob, published }: ReplayOrder,
  { inputs }: ScoreReceipt,
): ReceiptInputs => ({
  ...inputs,
  requestId,
  tokensBlob,
  adapterDigest: version.adapterDigest,
  baseDigest: version.baseDigest,
  indexDigest: published.indexDigest,
  reliability: published.reliability,
});

/** Where the receipt says otherwise than is known without it. */
function forgeries(order: ReplayOrder, receipt: ScoreReceipt): string[] {
  const { published } = order;
  const { status, reason, contributors, baseModelPpb, reservePpb, pools } = published;
  const said = { codeVersion: receipt.codeVersion, inputs: receipt.inputs, result: receipt.result };
  const known = {
    codeVersion: published.codeVersion,
    inputs: knownInputs(order, receipt),
    result: { status, reason, contributors, baseModelPpb, reservePpb, pools },
  };
  return jsonDifferences(toJson(said), toJson(known), DIFFERENCES_MAX);
}

const toJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

type Named = readonly [name: string, blob: string];

const inputsOf = (version: ModelVersion, inputs: ReceiptInputs): Named[] => [
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

type ScoredAgain =
  | { readonly score: ScoredAnswer }
  | { readonly missing: readonly string[] }
  | { readonly refused: string };

/** What lies behind the inputs, shards of the index for one, is found missing by whoever reads it. */
async function scoredAgain(
  { score, codeVersion }: ReplayParts,
  version: ModelVersion,
  receipt: ScoreReceipt,
): Promise<ScoredAgain> {
  const { inputs } = receipt;
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
    if (!(error instanceof DomainError)) throw error;
    if (GONE.has(error.code)) return { missing: [`${error.code}: ${error.message}`] };
    // A later version of the arithmetic may refuse what an earlier one took.
    if (FINAL_REASONS.has(error.code) || codeVersion !== receipt.codeVersion) return { refused: error.code };
    throw error;
  }
}

const revived = ({ acceptedAt, withdrawnAt, ...owner }: ChunkOwner): RecordOwner => ({
  ...owner,
  acceptedAt: new Date(acceptedAt),
  ...(withdrawnAt !== undefined && { withdrawnAt: new Date(withdrawnAt) }),
});

const GONE = new Set(['BLOB_UNKNOWN', 'BLOB_CORRUPT', 'INDEX_CORRUPT', 'BASE_MODEL_DIFFERS']);

async function differencesTo(
  blobs: BlobStore,
  receipt: ScoreReceipt,
  scored: Exclude<ScoredAgain, { readonly missing: readonly string[] }>,
): Promise<string[]> {
  if ('refused' in scored) return [`result.status: scored is not unattributable (${scored.refused})`];
  const { receiptBlob, reason } = scored.score;
  if (receiptBlob === '') return [`result.status: scored is not unattributable (${reason})`];
  const again = (await readJson(blobs, receiptBlob)) as ScoreReceipt;
  // Another version of the arithmetic that comes to the same is no difference.
  const comparable = ({ codeVersion: _by, ...rest }: ScoreReceipt) => rest as unknown as Json;
  return jsonDifferences(comparable(receipt), comparable(again), DIFFERENCES_MAX);
}
