import { DomainError, PPB } from '@openledger/kernel';
import { bootstrapInterval, type Estimate } from './interval.js';
import { positiveShares, totalVariation } from './payout.js';

/** How the truth of an audit was found, from the weakest to the strongest. */
export type AuditMethod = 'LOCAL_STEP' | 'METAGRADIENT' | 'LEAVE_ONE_OUT' | 'SHAPLEY';

/**
 * Greatest reliability that an audit of a kind may vouch for. Retrains are the truth about this very model; what only
 * stands in for them may promise no more of the pool than it directs as they do itself (measured; see ADR 0033).
 */
const CEILING: Readonly<Record<AuditMethod, number>> = {
  LOCAL_STEP: 0.5,
  METAGRADIENT: 0.7,
  LEAVE_ONE_OUT: 1,
  SHAPLEY: 1,
};

/** Nats of each query's NLL that each group of records removes: one row a query, one number a group. */
export interface AuditTable {
  readonly method: AuditMethod;
  readonly predicted: readonly (readonly number[])[];
  readonly measured: readonly (readonly number[])[];
  /** What the groups are paid by where influence is not trusted at all; sums to 1. */
  readonly baseShares: readonly number[];
}

export interface Reliability {
  readonly reliabilityPpb: number;
  /** 95 % interval over the queries. */
  readonly lowPpb: number;
  readonly highPpb: number;
  /** Mean part of the influence pool that goes to the wrong groups: by base shares, influence, and their blend. */
  readonly misdirected: { readonly byBase: number; readonly byInfluence: number; readonly byBlend: number };
}

/**
 * The part of a payout that influence deserves, ρ in [0, 1]: the smaller of
 *
 * - the part of the pool that influence directs as the truth does, the mean of Σ min(w, t) over the queries;
 * - the ρ at which the blend ρ·w + (1 − ρ)·b that settlement pays is nearest to the truth t in mean square,
 *   Σ (w − b)(t − b) / Σ (w − b)², which is 0 where predictions say nothing that base shares b do not.
 */
export function reliabilityOf(table: AuditTable, random: () => number): Reliability {
  const { method, baseShares } = table;
  const rows = table.predicted.map((predicted, q) => {
    const measured = table.measured[q] ?? [];
    requireFinite([...predicted, ...measured]);
    const [influence, truth] = [positiveShares(predicted), positiveShares(measured)];
    return { influence, truth, ...momentsOf(influence, truth, baseShares) };
  });
  const statistic = (sample: Iterable<number>): number => {
    let [both, square, agreed, count] = [0, 0, 0, 0];
    for (const q of sample) {
      both += rows[q]?.both ?? 0;
      square += rows[q]?.square ?? 0;
      agreed += rows[q]?.agreed ?? 0;
      count += 1;
    }
    return square > 0 ? Math.min(Math.max(both / square, 0), agreed / count, CEILING[method]) : 0;
  };
  const value = statistic(rows.keys());
  // One query says nothing of how others would come out.
  const estimate =
    rows.length > 1
      ? intervalAround(value, rows.length, statistic, random)
      : { value, low: 0, high: CEILING[method] };
  const blend = (influence: Float64Array) =>
    influence.map((w, group) => estimate.value * w + (1 - estimate.value) * (baseShares[group] ?? 0));
  const misdirected = (paid: (row: (typeof rows)[number]) => ArrayLike<number>) =>
    rows.reduce((sum, row) => sum + totalVariation(paid(row), row.truth), 0) / Math.max(rows.length, 1);
  return {
    reliabilityPpb: toPpbNumber(estimate.value),
    lowPpb: toPpbNumber(estimate.low),
    highPpb: toPpbNumber(estimate.high),
    misdirected: {
      byBase: misdirected(() => baseShares),
      byInfluence: misdirected(({ influence }) => influence),
      byBlend: misdirected(({ influence }) => blend(influence)),
    },
  };
}

function intervalAround(
  value: number,
  queries: number,
  statistic: (sample: Uint32Array) => number,
  random: () => number,
): Estimate {
  const { low, high } = bootstrapInterval(queries, statistic, random);
  return { value, low: Math.min(low, value), high: Math.max(high, value) };
}

/**
 * Σ (w − b)(t − b) and Σ (w − b)² over the groups and over nobody, to whom goes what the groups do not get, and
 * Σ min(w, t) over the groups.
 */
function momentsOf(influence: Float64Array, truth: Float64Array, base: readonly number[]) {
  let [both, square, agreed, restInfluence, restTruth] = [0, 0, 0, 0, 0];
  for (let group = 0; group < influence.length; group++) {
    const w = (influence[group] ?? 0) - (base[group] ?? 0);
    const t = (truth[group] ?? 0) - (base[group] ?? 0);
    both += w * t;
    square += w * w;
    restInfluence -= w;
    restTruth -= t;
    agreed += Math.min(influence[group] ?? 0, truth[group] ?? 0);
  }
  return { both: both + restInfluence * restTruth, square: square + restInfluence ** 2, agreed };
}

function requireFinite(values: readonly number[]): void {
  if (values.every(Number.isFinite)) return;
  throw new DomainError('precondition', 'AUDIT_NOT_FINITE', 'A loss of the audit is not a finite number.');
}

const toPpbNumber = (share: number): number => Math.round(share * Number(PPB));
