import { keccak256, type Provider, toUtf8Bytes } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { prepaidVaultArtifact } from './generated/prepaid-vault.js';

/** A payer prepaid. `account` is {@link payerAccount} of its organisation. */
export interface Deposited {
  readonly account: string;
  readonly from: string;
  readonly amountWei: bigint;
}

/** The account under which the vault files an organisation's deposits: keccak256 of its id. */
export const payerAccount = (organisationId: string): string => keccak256(toUtf8Bytes(organisationId));

/** Where payers prepay, and where epoch money comes from. */
export class PrepaidVault extends DeployedContract {
  readonly depositedTopic = this.topicOf('Deposited');

  constructor(address: string, provider: Provider) {
    super(address, provider, prepaidVaultArtifact.abi);
  }

  async operator(): Promise<string> {
    return String((await this.read('operator'))[0]);
  }

  async totalDeposited(): Promise<bigint> {
    return BigInt((await this.read('totalDeposited'))[0]);
  }

  async totalFunded(): Promise<bigint> {
    return BigInt((await this.read('totalFunded'))[0]);
  }

  /** Needs an allowance of the sender's OPEN towards the vault. */
  deposit(account: string, amountWei: bigint): PreparedCall {
    return this.prepare('deposit', [account, amountWei]);
  }

  fund(distributor: string, amountWei: bigint): PreparedCall {
    return this.prepare('fund', [distributor, amountWei]);
  }

  setOperator(operator: string): PreparedCall {
    return this.prepare('setOperator', [operator]);
  }

  setDistributor(distributor: string, approved: boolean): PreparedCall {
    return this.prepare('setDistributor', [distributor, approved]);
  }

  decodeDeposited(log: ChainLog): Deposited {
    const values = this.decode('Deposited', log);
    return { account: String(values[0]), from: String(values[1]), amountWei: BigInt(values[2]) };
  }
}
