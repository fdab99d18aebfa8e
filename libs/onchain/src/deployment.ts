import { getCreateAddress } from 'ethers';

/**
 * The contracts in the order of their creation. An address follows from the deployer and this position, so the
 * order is part of what every configuration of a running chain relies on: new contracts go to the end.
 */
export const CONTRACT_NAMES = [
  'token',
  'vault',
  'distributor',
  'accessManager',
  'timelock',
  'governor',
  'paramRegistry',
  'attributionRegistry',
  'escrow',
  'stakeRegistry',
] as const;

export type ContractName = (typeof CONTRACT_NAMES)[number];

export type Addresses = Readonly<Record<ContractName, string>>;

/** Where the suite lives. */
export interface Deployment extends Addresses {
  readonly chainId: number;
  /** No event of the suite is older; 0 where the chain does not tell. */
  readonly startBlock: number;
  /** In the order of the plan's grants that unlock over time. */
  readonly vestingWallets: readonly string[];
}

/** Where a deployer's n-th contract lies, n from 0. */
export const addressAt = (from: string, nonce: number): string => getCreateAddress({ from, nonce });

/** The addresses of a suite, before or after it is there. */
export function addressesOf(from: string): Addresses {
  const entries = CONTRACT_NAMES.map((name, nonce) => [name, addressAt(from, nonce)] as const);
  return Object.fromEntries(entries) as Record<ContractName, string>;
}
