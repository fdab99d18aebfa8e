import {
  AttributionRegistry,
  type Deployment,
  deploy,
  developmentWallet,
  type LocalChain,
  OpenToken,
  PrepaidVault,
  payerAccount,
  RewardsDistributor,
  sendAndWait,
  startAnvil,
} from '@openledger/onchain';
import { NonceManager } from 'ethers';

export const OPEN = 10n ** 18n;
const SUPPLY_WEI = 10n ** 27n;

/** A local chain with the contracts on it, an operator, and a payer who holds OPEN. */
export interface ChainFixture {
  readonly chain: LocalChain;
  readonly deployment: Deployment;
  readonly token: OpenToken;
  readonly vault: PrepaidVault;
  readonly distributor: RewardsDistributor;
  readonly registry: AttributionRegistry;
  readonly operatorKey: string;
  readonly payer: NonceManager;
  deposit(organisationId: string, amountWei: bigint): Promise<void>;
}

/** The deployer administrates, and may stop roots that do not pay yet. */
export async function startChain(activationDelayS = 0): Promise<ChainFixture> {
  const chain = await startAnvil();
  const operator = developmentWallet(1);
  const payer = new NonceManager(developmentWallet(2).connect(chain.provider));
  const deployment = await deploy(
    developmentWallet(0).connect(chain.provider),
    [{ to: await payer.getAddress(), amountWei: SUPPLY_WEI }],
    { operator: operator.address, activationDelayS },
  );
  const token = new OpenToken(deployment.token, chain.provider);
  const vault = new PrepaidVault(deployment.vault, chain.provider);
  await sendAndWait(payer, token.approve(deployment.vault, SUPPLY_WEI));
  return {
    chain,
    deployment,
    token,
    vault,
    distributor: new RewardsDistributor(deployment.distributor, chain.provider),
    registry: new AttributionRegistry(deployment.attributionRegistry, chain.provider),
    operatorKey: operator.privateKey,
    payer,
    deposit: async (organisationId, amountWei) => {
      await sendAndWait(payer, vault.deposit(payerAccount(organisationId), amountWei));
    },
  };
}
