import { invariant } from '@openledger/kernel';
import type { RoleSplit } from './split-fee.js';

/** How fees are shared from a time on. Never changed once it is in force, so that any past split can be computed again. */
export interface SplitPolicy {
  readonly version: number;
  /** Answers served from this time on, to the millisecond. */
  readonly effectiveFrom: Date;
  readonly roles: RoleSplit;
}

/**
 * The policy of an answer: the newest that was in force when it was served.
 *
 * @param policies at least one; the oldest also covers what was served before it
 */
export function policyAt(policies: readonly SplitPolicy[], servedAt: Date): SplitPolicy {
  const sorted = policies.toSorted(
    (a, b) => a.effectiveFrom.getTime() - b.effectiveFrom.getTime() || a.version - b.version,
  );
  const policy = sorted.findLast(({ effectiveFrom }) => effectiveFrom <= servedAt) ?? sorted[0];
  invariant(policy, 'there is a split policy');
  return policy;
}
