import { DomainError, invariant } from '@openledger/kernel';
import { concat, getCreateAddress, Interface, type InterfaceAbi, type Signer } from 'ethers';
import { asRevert } from './contract.js';
import { openTokenArtifact } from './generated/open-token.js';
import { prepaidVaultArtifact } from './generated/prepaid-vault.js';
import { rewardsDistributorArtifact } from './generated/rewards-distributor.js';
import { PrepaidVault } from './prepaid-vault.js';

/** One allocation of the fixed supply of 1e27 wei. */
export interface Grant {
  readonly to: string;
  readonly amountWei: bigint;
}

/** Where the suite lives. */
export interface Deployment {
  readonly chainId: number;
  readonly token: string;
  readonly vault: string;
  readonly distributor: string;
}

export interface DeployOptions {
  /** May fund distributors and post roots; the deployer stays owner. */
  readonly operator: string;
  /** Seconds between posting a root and the first claim; 0 where nobody could challenge anyway. */
  readonly activationDelayS?: number;
}

/**
 * Deploys token, vault and distributor and lets the vault fund the distributor. Addresses follow from the
 * deployer's first four nonces, so calling it again after a crash, or on every start, only does what is
 * still missing. The deployer's key must be used for nothing else before.
 */
export async function deploy(
  signer: Signer,
  grants: readonly Grant[],
  options: DeployOptions,
): Promise<Deployment> {
  const provider = signer.provider;
  invariant(provider, 'the deployer needs a provider');
  const from = await signer.getAddress();
  const [token, vault, distributor] = [0, 1, 2].map((nonce) => getCreateAddress({ from, nonce }));
  invariant(token && vault && distributor, 'three addresses were derived');
  const chainId = Number((await provider.getNetwork()).chainId);

  const steps = [
    { data: creation(openTokenArtifact, [grants.map((grant) => [grant.to, grant.amountWei])]) },
    { data: creation(prepaidVaultArtifact, [token, from, options.operator]) },
    {
      data: creation(rewardsDistributorArtifact, [
        token,
        from,
        options.operator,
        options.activationDelayS ?? 0,
      ]),
    },
    new PrepaidVault(vault, provider).setDistributor(distributor, true),
  ];
  const done = await provider.getTransactionCount(from, 'latest');
  for (const [nonce, step] of steps.entries()) {
    if (nonce < done) continue;
    try {
      const response = await signer.sendTransaction({ ...step, nonce });
      await response.wait();
    } catch (error) {
      throw asRevert(error);
    }
  }
  for (const address of [token, vault, distributor]) {
    if ((await provider.getCode(address)) !== '0x') continue;
    throw new DomainError(
      'precondition',
      'DEPLOYER_KEY_USED',
      `${from} sent other transactions before; use a new key`,
    );
  }
  return { chainId, token, vault, distributor };
}

function creation(artifact: { abi: InterfaceAbi; bytecode: string }, values: readonly unknown[]): string {
  return concat([artifact.bytecode, Interface.from(artifact.abi).encodeDeploy(values)]);
}
