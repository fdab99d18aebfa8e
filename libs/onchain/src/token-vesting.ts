import type { Provider } from 'ethers';
import { DeployedContract, type PreparedCall } from './contract.js';
import { tokenVestingArtifact } from './generated/token-vesting.js';

/** A grant of OPEN that unlocks over time. Amounts are wei. */
export class TokenVesting extends DeployedContract {
  constructor(
    address: string,
    private readonly token: string,
    provider: Provider,
  ) {
    super(address, provider, tokenVestingArtifact.abi);
  }

  async beneficiary(): Promise<string> {
    return String((await this.read('owner'))[0]);
  }

  /** Unlocked and not yet released, now. */
  async releasable(): Promise<bigint> {
    return BigInt((await this.read('releasable(address)', [this.token]))[0]);
  }

  /** Unlocked by a time, in seconds, released or not. */
  async vestedAt(timeS: number): Promise<bigint> {
    return BigInt((await this.read('vestedAmount(address,uint64)', [this.token, timeS]))[0]);
  }

  /** Pays the beneficiary what is unlocked. Anyone may send it. */
  release(): PreparedCall {
    return this.prepare('release(address)', [this.token]);
  }

  /** Stops the grant: for its revoker alone. */
  revoke(): PreparedCall {
    return this.prepare('revoke', []);
  }
}
