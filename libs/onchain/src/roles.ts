import type { ContractName } from './deployment.js';

/**
 * Roles of the AccessManager, by id. What no role is named for belongs to `admin`: after deployment that is the
 * timelock alone.
 */
export const ROLES = {
  admin: 0n,
  /** Replaces hot keys at once when one is stolen; none of them can take money out. */
  operations: 1n,
  /** The security council: stops what goes wrong, and decides challenges. */
  guardian: 2n,
  /** Proposes slashes, which the guardian may veto. */
  slasher: 3n,
} as const;

export type Role = keyof typeof ROLES;

/** Functions that a role other than `admin` may call, by contract. */
export const ROLE_FUNCTIONS: Readonly<
  Record<Exclude<Role, 'admin'>, Partial<Record<ContractName, readonly string[]>>>
> = {
  operations: {
    vault: ['setOperator'],
    distributor: ['setPoster', 'setConfirmer'],
    attributionRegistry: ['setPublisher'],
  },
  guardian: {
    distributor: ['pause', 'unpause', 'disableRoot', 'resolveChallenge'],
    stakeRegistry: ['pause', 'unpause', 'vetoSlash'],
  },
  slasher: {
    stakeRegistry: ['proposeSlash'],
  },
};
