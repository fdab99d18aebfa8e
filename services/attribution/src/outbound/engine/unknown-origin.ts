import { PPB } from '@openledger/kernel';
import type { LoadedModel } from '@openledger/transformer';
import type { Evidence, ModelVersion, ScoredAnswer } from '../../application/ports.js';
import { answerText } from './answer-text.js';

/** An adapter that was trained elsewhere: nothing is known of what it learnt from, or how. */
export const isOfUnknownOrigin = ({ trainingLogBlob }: ModelVersion): boolean => trainingLogBlob === '';

/** Nobody has a claim that could be shown, so all of it is the reserve's. */
export const unknownScore: Pick<
  ScoredAnswer,
  'status' | 'reason' | 'contributors' | 'baseModelPpb' | 'reservePpb'
> = {
  status: 'unattributable',
  reason: 'UNKNOWN_ORIGIN',
  contributors: [],
  baseModelPpb: 0,
  reservePpb: Number(PPB),
};

/** What can be shown all the same. */
export function unknownEvidence(base: LoadedModel, completionTokens: readonly number[]): Evidence {
  const { text } = answerText(base.tokenizer.incrementalDecoder(), completionTokens);
  return { text, spans: [], topRecords: [], reasons: [] };
}
