/** The arithmetic of attribution, for benchmarks. */
export type { IndexSummary, ModelVersion, ScoredAnswer } from './application/ports.js';
export { pearson, spearman } from './domain/audit/correlation.js';
export { bootstrapInterval, type Estimate, type Interval, meanEstimate } from './domain/audit/interval.js';
export { type LdsResult, lds, subsetOutcomes } from './domain/audit/lds.js';
export { positiveShares, totalVariation } from './domain/audit/payout.js';
export { reliabilityOf } from './domain/audit/reliability.js';
export { shapleyValues } from './domain/audit/shapley.js';
export { noiseOf, type RowInfluences, standingOf } from './domain/credit/standing.js';
export { KAPPA, type TrainingCredit, trainingCredit } from './domain/credit/training-credit.js';
export { contentClusters } from './domain/influence/content-clusters.js';
export type { SpanOptions, TokenSpan } from './domain/spans/find-spans.js';
export type { SpanDocument } from './domain/spans/shard.js';
export { encodeShard } from './domain/spans/shard-file.js';
export { SpanIndex } from './domain/spans/span-index.js';
export { suffixArray } from './domain/spans/suffix-array.js';
export {
  exactProduct,
  natsOf,
  type QuantisedQuery,
  quantiseQuery,
  quantiseRow,
} from './domain/vectors/quantise.js';
export { scanKernel, scanKernelModule } from './domain/vectors/scan-kernel.js';
export { ROWS_AT, ScanMemory } from './domain/vectors/scan-memory.js';
export { Engine } from './outbound/engine/engine.js';
export { InfluenceSpace, rowOf } from './outbound/engine/influence/influence-space.js';
export { type Matrix, Products } from './outbound/engine/influence/products.js';
export type { Learning } from './outbound/engine/influence/projection.js';
export { runTrajectory } from './outbound/engine/influence/run-trajectory.js';
export { endOf, type Trajectory, TrajectoryRows } from './outbound/engine/influence/trajectory-rows.js';
export {
  type AuditedVersion,
  auditVersion,
  type VersionAudit,
} from './outbound/engine/oracle/audit-version.js';
export { TrainingHistory } from './outbound/engine/oracle/history.js';
export { metagradients } from './outbound/engine/oracle/metagradient.js';
export { QueryLosses, scoredTokens } from './outbound/engine/oracle/query-losses.js';
export { RetrainCache } from './outbound/engine/oracle/retrain-cache.js';
export { Retrainer } from './outbound/engine/oracle/retrainer.js';
export { openTrainedRun, type TrainedRun, type Training } from './outbound/engine/oracle/trained-run.js';
export type { GroupSums } from './outbound/engine/vectors/group-sums.js';
export { ScanThreads } from './outbound/engine/vectors/scan-threads.js';
export { VectorIndex } from './outbound/engine/vectors/vector-index.js';
