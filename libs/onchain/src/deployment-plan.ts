import { ZeroAddress } from 'ethers';
import type { Grant } from './allocation.js';
import { GOVERNANCE_PARAMETERS } from './governance-parameters.js';

/** Everything that decides what a deployment becomes, besides {@link GOVERNANCE_PARAMETERS}. */
export interface DeploymentPlan {
  /** Must sum to the supply. */
  readonly grants: readonly Grant[];
  /** Keys in daily use. */
  readonly keys: {
    /** Funds distributors from the vault. */
    readonly operator: string;
    /** Posts roots of rewards. */
    readonly poster: string;
    /** Confirms them after computing them again; the zero address for nobody. */
    readonly confirmer: string;
    /** Anchors roots of attribution. */
    readonly publisher: string;
    /** Proposes slashes. */
    readonly slasher: string;
  };
  readonly offices: {
    /** Holds the guardian role, and may cancel proposals. */
    readonly guardian: string;
    /** Replaces keys. */
    readonly operations: string;
    /** Receives forfeited bonds and slashed stakes; the timelock when none is named. */
    readonly treasury?: string;
    /** Keeps administration beside the timelock: local chains only. */
    readonly administrator?: string;
  };
  /** What a wallet must be owed to enter a root, in the first version of the parameters. */
  readonly minPayoutWei: bigint;
  readonly rewards: {
    readonly activationDelayS: number;
    readonly resolutionWindowS: number;
    readonly challengeBondWei: bigint;
  };
}

export interface DeployOptions {
  /** Holds every key: funds distributors, posts roots, anchors. */
  readonly operator: string;
  /** Seconds between posting a root and the first claim; 0 where nobody could challenge anyway. */
  readonly activationDelayS?: number;
  /** May administrate beside the timelock, and is its guardian. */
  readonly administrator: string;
}

/** A chain of one's own: one operator for every key, one administrator, nothing to wait for. */
export function localPlan(grants: readonly Grant[], options: DeployOptions): DeploymentPlan {
  const { operator, administrator } = options;
  return {
    grants,
    keys: { operator, poster: operator, confirmer: ZeroAddress, publisher: operator, slasher: operator },
    offices: { guardian: administrator, operations: administrator, administrator },
    minPayoutWei: 0n,
    rewards: { ...GOVERNANCE_PARAMETERS.rewards, activationDelayS: options.activationDelayS ?? 0 },
  };
}
