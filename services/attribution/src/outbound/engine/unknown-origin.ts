import type { BlobStore } from '@openledger/blob-store';
import { PPB } from '@openledger/kernel';
import type { LoadedModel } from '@openledger/transformer';
import type { IndexSummary, ModelVersion } from '../../application/ports.js';
import { answerText } from './answer-text.js';
import { SEED, SKETCH_SIZE } from './build-index.js';
import type { AnswerTokens, MeasuredScore, StoredEvidence } from './score-answer.js';
import { storeIndex } from './version-index.js';

/** An adapter that was trained elsewhere: nothing is known of what it learnt from, or how. */
export const isOfUnknownOrigin = ({ trainingLogBlob }: ModelVersion): boolean => trainingLogBlob === '';

/** The index of nothing. */
export function storeEmptyIndex(blobs: BlobStore, version: ModelVersion): Promise<IndexSummary> {
  const { adapterDigest, baseDigest, lineageBlob, trainingLogBlob } = version;
  const nothing = { sums: [], sketches: [], decoys: [] };
  return storeIndex(blobs, nothing, {
    format: 'openledger-attribution-index/1',
    adapterDigest,
    baseDigest,
    lineageBlob,
    trainingLogBlob,
    sketchSize: SKETCH_SIZE,
    seed: SEED,
    parameters: 0,
    records: 0,
    stakes: [],
    audit: { pairs: 0, pearson: 0 },
    reliabilityPpb: 0,
  });
}

/** Nobody has a claim that could be shown, so all of it is the reserve's. */
export function scoreUnknown(
  base: LoadedModel,
  ids: { readonly requestId: string; readonly indexDigest: string },
  { completionTokens }: AnswerTokens,
): { readonly score: MeasuredScore; readonly evidence: StoredEvidence } {
  const { text } = answerText(base.tokenizer.incrementalDecoder(), completionTokens);
  return {
    score: {
      status: 'unattributable',
      reason: 'UNKNOWN_ORIGIN',
      contributors: [],
      baseModelPpb: 0,
      reservePpb: Number(PPB),
    },
    evidence: {
      ...ids,
      text,
      spans: [],
      topRecords: [],
      members: [],
      spanNats: {},
      decoys: [],
      typicalScore: 0,
      logLikelihoods: { base: 0, adapter: 0 },
    },
  };
}
