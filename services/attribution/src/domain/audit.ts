import { PPB } from '@openledger/kernel';
import { pearson } from './audit/correlation.js';

export { pearson } from './audit/correlation.js';
export { auditGroups, auditQueries } from './audit/groups.js';

/**
 * However well the audit goes: it measures the scores against this model, while the truth itself, found
 * by retraining without the data, agrees with itself under another seed only to about this (0.70 and
 * 0.60 in a short and a long fine-tune of a small transformer).
 */
const RELIABILITY_MAX = 0.7;

/**
 * The share of the measured loss changes' variance that the predicted ones explain, r², capped; nothing
 * where they disagree in sign. Parts per billion.
 */
export function reliabilityPpb(predicted: readonly number[], measured: readonly number[]): number {
  const r = Math.max(0, pearson(predicted, measured));
  return Math.round(Math.min(r * r, RELIABILITY_MAX) * Number(PPB));
}
