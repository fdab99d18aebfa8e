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

  /** Votes that an account may cast now, its own and those delegated to it. */
  async votesOf(account: string): Promise<bigint> {
    return BigInt((await this.read('getVotes', [account]))[0]);
  }

  /** Votes of everyone who has named a delegate. */
  async totalDelegated(): Promise<bigint> {
    return BigInt((await this.read('totalDelegated'))[0]);
  }

  /** Names who votes with the sender's OPEN; without a delegate it does not vote. */
  delegate(delegate: string): PreparedCall {
    return this.prepare('delegate', [delegate]);
  }

  approve(spender: string, amountWei: bigint): PreparedCall {
    return this.prepare('approve', [spender, amountWei]);
  }

  transfer(to: string, amountWei: bigint): PreparedCall {
    return this.prepare('transfer', [to, amountWei]);
  }
}
