import {
  gatherElements,
  greaterOrEqual,
  logSoftmax,
  nonZero,
  reshape,
  rowsOf,
  selectRows,
  type Value,
} from '@openledger/onnx-graph';
import { type Decoder, logitsOf } from './decoder.js';

/** Label of a position whose next token is not scored (a prompt or padding). */
export const ignoredLabel = -100;

export interface Likelihood {
  /** Of the scored positions, [scored, vocabulary]. */
  readonly logits: Value;
  /** log p(label) of each scored position, [scored], in row-major order. */
  readonly logProbabilities: Value;
  /** Flat positions in [batch · time] that are scored, [scored]. */
  readonly positions: Value;
}

/** Decides which label of each scored position counts: log-probabilities [scored, vocabulary], labels [scored]. */
export type ChooseLabels = (logProbabilities: Value, labels: Value, positions: Value) => Value;

const asGiven: ChooseLabels = (_logProbabilities, labels) => labels;

/**
 * Log-probabilities of the labels that are not negative. Only their positions pass through the
 * vocabulary projection, the largest product of a small model, so prompts and padding cost nothing there.
 */
export function labelLikelihood(
  decoder: Decoder,
  hidden: Value,
  labels: Value,
  choose = asGiven,
): Likelihood {
  const flat = reshape(labels, ['batch*time']);
  const positions = nonZero(greaterOrEqual(flat, labels.graph.scalar('int64', 0)), 'scored');
  const logits = logitsOf(decoder, selectRows(rowsOf(hidden), positions));
  const all = logSoftmax(logits);
  const targets = reshape(choose(all, selectRows(flat, positions), positions), ['scored', 1]);
  const picked = gatherElements(all, targets, -1);
  return { logits, logProbabilities: reshape(picked, ['scored']), positions };
}
