import type { AuditMethod } from './reliability.js';

/** 2^8 coalitions. */
export const SHAPLEY_PLAYERS_MAX = 8;
/** Fewer say too little about the rest. */
const METAGRADIENT_QUERIES_MIN = 4;
const METAGRADIENT_QUERIES_MAX = 16;
/** Gradients of a step and a query, as multiples of a step of training. */
const GRADIENTS_PER_STEP = 2;

export interface AuditMeans {
  /** Groups whose worth is to be found. */
  readonly groups: number;
  /** Whether the groups together are all that was trained on, each record once. */
  readonly partition: boolean;
  readonly queries: number;
  readonly secondsPerRetrain: number;
  readonly budgetSeconds: number;
  /** Whether the history of a training fits into memory. */
  readonly historyFits: boolean;
}

export interface AuditPlan {
  readonly method: AuditMethod;
  /** Queries that are asked about. */
  readonly queries: number;
}

/** The strongest method that ends within the budget. */
export function planAudit(means: AuditMeans): AuditPlan {
  const { groups, queries, secondsPerRetrain, budgetSeconds } = means;
  // Nobody's coalition is the base model, and everybody's is what is deployed.
  const coalitions = 2 ** groups - 2;
  const enumerable = means.partition && groups >= 2 && groups <= SHAPLEY_PLAYERS_MAX;
  if (enumerable && coalitions * secondsPerRetrain <= budgetSeconds) return { method: 'SHAPLEY', queries };
  if (groups >= 1 && groups * secondsPerRetrain <= budgetSeconds) return { method: 'LEAVE_ONE_OUT', queries };
  const affordable = Math.floor(budgetSeconds / (GRADIENTS_PER_STEP * secondsPerRetrain));
  if (means.historyFits && Math.min(affordable, queries) >= METAGRADIENT_QUERIES_MIN) {
    return { method: 'METAGRADIENT', queries: Math.min(affordable, queries, METAGRADIENT_QUERIES_MAX) };
  }
  return { method: 'LOCAL_STEP', queries };
}
