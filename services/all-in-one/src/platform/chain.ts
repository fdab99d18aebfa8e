import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import {
  type Deployment,
  deploy,
  developmentWallet,
  type LocalChain,
  OpenToken,
  startAnvil,
} from '@openledger/onchain';
import { NonceManager, Wallet } from 'ethers';

const OPEN = 10n ** 18n;
/** Pays for the poster's gas on the local chain. */
const GAS_WEI = 100n * OPEN;

/** Local chain accounts, by index: the deployer is used for nothing else, the faucet hands out OPEN. */
const DEPLOYER = 0;
const FAUCET = 1;

export interface PlatformChain {
  readonly chain: LocalChain;
  readonly deployment: Deployment;
  /** Gives OPEN and some ether for gas: local chains only. */
  fundAccount(address: string, openWei: bigint): Promise<void>;
}

/** Starts or continues the local chain and deploys what is missing on it. */
export async function startChain(dir: string, posterKey: string): Promise<PlatformChain> {
  const chain = await startAnvil({ statePath: join(dir, 'chain.json') });
  try {
    const faucet = new NonceManager(developmentWallet(FAUCET).connect(chain.provider));
    const faucetAddress = await faucet.getAddress();
    const operator = new Wallet(posterKey).address;
    const deployer = developmentWallet(DEPLOYER).connect(chain.provider);
    const grants = [{ to: faucetAddress, amountWei: 1_000_000_000n * OPEN }];
    const deployment = await deploy(deployer, grants, { operator });
    await chain.setBalance(operator, GAS_WEI);
    await chain.checkpoint();
    const token = new OpenToken(deployment.token, chain.provider);
    return {
      chain,
      deployment,
      fundAccount: async (address, openWei) => {
        await chain.setBalance(address, GAS_WEI);
        const sent = await faucet.sendTransaction(token.transfer(address, openWei));
        await sent.wait();
      },
    };
  } catch (error) {
    await chain.stop();
    throw asOwnChain(error, dir);
  }
}

/** Nobody else has the deployer's key here: a chain that it was used on in another way is of another version. */
function asOwnChain(error: unknown, dir: string): unknown {
  if (!(error instanceof DomainError && error.code === 'DEPLOYER_KEY_USED')) return error;
  return new DomainError(
    'precondition',
    'CHAIN_OF_ANOTHER_VERSION',
    `the chain in ${dir} has the contracts of another version; start with a new data folder (--data)`,
    { cause: error },
  );
}
