import { invariant, PPB, splitExactly, toPpb } from '@openledger/kernel';

/** What was measured about one answer; scores in nats of the answer's likelihood. */
export interface Evidence {
  /** Per contributor, in a fixed order: Σ over his records of their signed influence on the answer. */
  readonly influence: readonly number[];
  /** Influence of records that the model never saw, on the same answer: what chance alone gives one record. */
  readonly decoys: readonly number[];
  /** Trained records per contributor. */
  readonly recordCounts: readonly number[];
  /** Per contributor: nats that the adapter added on tokens which stand verbatim in his records. */
  readonly spanNats: readonly number[];
  /** Log-likelihood of the answer under the base model alone, and with the adapter. */
  readonly baseLogLikelihood: number;
  readonly adapterLogLikelihood: number;
}

/** Parts per billion; contributors, base model and reserve sum to {@link PPB}. */
export interface Credit {
  readonly contributors: readonly bigint[];
  readonly baseModel: bigint;
  readonly reserve: bigint;
}

export interface CreditOptions {
  /** Least share of the base model, however little it explains: it always does the speaking. */
  readonly baseFloor: number;
  /** Weight of verbatim spans against influence where there are spans; they only re-weight. */
  readonly spanWeight: number;
}

export const defaultCreditOptions: CreditOptions = { baseFloor: 0.1, spanWeight: 0.25 };

/**
 * Who explains an answer. The adapter's pool is the share of the answer's surprise that the adapter
 * removed; the rest is the base model's. Within the pool, contributors are weighed by signed sums over
 * their records, less what as many unseen records would have got by chance; that chance mass goes to
 * the reserve. Sums rather than clipped records: padding with junk then gains nothing.
 */
export function creditOf(evidence: Evidence, options: CreditOptions = defaultCreditOptions): Credit {
  const pool = adapterPool(evidence, options.baseFloor);
  const noise = rootMeanSquare(evidence.decoys);
  const chance = evidence.recordCounts.map((count) => noise * Math.sqrt(count));
  const above = evidence.influence.map((score, i) => Math.max(0, score - (chance[i] ?? 0)));
  const total = sum(above);
  if (total <= 0 || pool <= 0) return allTo(evidence.influence.length, pool);

  const weights = blend(above, evidence.spanNats, options.spanWeight);
  // The reserve's part is one record's worth of chance against everything that stands above it.
  const paid = pool * (total / (total + noise));
  const [contributorsPpb = 0n, baseModel = 0n, reserve = 0n] = splitExactly(
    PPB,
    fixed([paid, 1 - pool, pool - paid]),
  );
  const shares = splitExactly(contributorsPpb, toPpb(weights));
  return { contributors: shares, baseModel, reserve };
}

/** Share of −log p(answer | base) that the adapter removed, at most 1 − floor. */
function adapterPool({ baseLogLikelihood, adapterLogLikelihood }: Evidence, floor: number): number {
  invariant(baseLogLikelihood <= 0, 'a log-likelihood is not positive');
  if (baseLogLikelihood === 0) return 0;
  const removed = (adapterLogLikelihood - baseLogLikelihood) / -baseLogLikelihood;
  return Math.min(Math.max(removed, 0), 1 - floor);
}

/** Nobody stands above chance: the adapter's pool goes to the reserve whole. */
function allTo(count: number, pool: number): Credit {
  const [baseModel = 0n, reserve = 0n] = splitExactly(PPB, fixed([1 - pool, pool]));
  return { contributors: Array.from({ length: count }, () => 0n), baseModel, reserve };
}

function blend(influence: readonly number[], spans: readonly number[], spanWeight: number): number[] {
  // Spans support a score, they do not replace it: without influence above chance there is nothing to support.
  const supported = spans.map((nats, i) => ((influence[i] ?? 0) > 0 ? Math.max(0, nats) : 0));
  const [influenceTotal, spanTotal] = [sum(influence), sum(supported)];
  const weight = spanTotal > 0 ? spanWeight : 0;
  return influence.map(
    (score, i) =>
      (1 - weight) * (score / influenceTotal) +
      (spanTotal > 0 ? weight * ((supported[i] ?? 0) / spanTotal) : 0),
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const rootMeanSquare = (values: readonly number[]) =>
  values.length === 0 ? 0 : Math.sqrt(sum(values.map((value) => value * value)) / values.length);
const fixed = (shares: readonly number[]) =>
  shares.map((share) => BigInt(Math.round(Math.max(0, share) * 2 ** 40)));
