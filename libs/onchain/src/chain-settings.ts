import type { Deployment } from './deployment.js';

/** What services read of a deployment, by the names of their environment variables. */
export const chainSettings = (deployment: Deployment): Readonly<Record<string, string>> => ({
  CHAIN_ID: String(deployment.chainId),
  CHAIN_START_BLOCK: String(deployment.startBlock),
  CHAIN_TOKEN_ADDRESS: deployment.token,
  CHAIN_VAULT_ADDRESS: deployment.vault,
  CHAIN_DISTRIBUTOR_ADDRESS: deployment.distributor,
  CHAIN_ESCROW_ADDRESS: deployment.escrow,
  CHAIN_STAKE_REGISTRY_ADDRESS: deployment.stakeRegistry,
  CHAIN_PARAM_REGISTRY_ADDRESS: deployment.paramRegistry,
  CHAIN_ATTRIBUTION_REGISTRY_ADDRESS: deployment.attributionRegistry,
});
