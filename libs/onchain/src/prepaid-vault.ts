import { invariant, isId } from '@openledger/kernel';
import type { Provider } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { prepaidVaultArtifact } from './generated/prepaid-vault.js';
import { OpenToken } from './open-token.js';

/** A payer prepaid. `account` is {@link payerAccount} of its organisation. */
export interface Deposited {
  readonly account: string;
  readonly from: string;
  readonly amountWei: bigint;
}

/**
 * The account under which the vault files an organisation's deposits: its UUID in the low 16 bytes. Reversible,
 * so a deposit names its payer even before this side has heard of the organisation.
 */
export function payerAccount(organisationId: string): string {
  invariant(isId(organisationId), 'an organisation id is a UUID');
  return `0x${organisationId.replaceAll('-', '').padStart(64, '0')}`;
}

/** The organisation behind an account; undefined when a depositor made the account up. */
export function organisationOf(account: string): string | undefined {
  const digits = account.slice(-32).toLowerCase();
  const id = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return isId(id) && payerAccount(id) === account.toLowerCase() ? id : undefined;
}

/** Where payers prepay, and where epoch money comes from. */
export class PrepaidVault extends DeployedContract {
  readonly depositedTopic = this.topicOf('Deposited');

  constructor(
    address: string,
    private readonly chain: Provider,
  ) {
    super(address, chain, prepaidVaultArtifact.abi);
  }

  /** OPEN that it holds now. */
  async heldWei(): Promise<bigint> {
    const [token] = await this.read('token');
    return new OpenToken(String(token), this.chain).balanceOf(this.address);
  }

  async operator(): Promise<string> {
    return String((await this.read('operator'))[0]);
  }

  /** Whether it may send to the address. */
  async isDistributor(address: string): Promise<boolean> {
    return Boolean((await this.read('isDistributor', [address]))[0]);
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
