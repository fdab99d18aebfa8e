import type { Provider } from 'ethers';
import { DeployedContract, type PreparedCall } from './contract.js';
import { openTokenArtifact } from './generated/open-token.js';

/** The OPEN token. Amounts are wei (1e-18 OPEN). */
export class OpenToken extends DeployedContract {
  constructor(address: string, provider: Provider) {
    super(address, provider, openTokenArtifact.abi);
  }

  async balanceOf(account: string): Promise<bigint> {
    return BigInt((await this.read('balanceOf', [account]))[0]);
  }

  async totalSupply(): Promise<bigint> {
    return BigInt((await this.read('totalSupply'))[0]);
  }

  async allowance(owner: string, spender: string): Promise<bigint> {
    return BigInt((await this.read('allowance', [owner, spender]))[0]);
  }

  approve(spender: string, amountWei: bigint): PreparedCall {
    return this.prepare('approve', [spender, amountWei]);
  }

  transfer(to: string, amountWei: bigint): PreparedCall {
    return this.prepare('transfer', [to, amountWei]);
  }
}
