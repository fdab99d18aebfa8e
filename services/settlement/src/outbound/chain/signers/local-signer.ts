import { Wallet } from 'ethers';
import { TransactionSigner } from '../../../application/chain/signer-ports.js';
import type { UnsignedTransaction } from '../../../domain/chain/signing-policy.js';
import { toEthers } from './signed-transaction.js';

/** A key in this process: for local chains and for tests. */
export class LocalSigner extends TransactionSigner {
  readonly address: string;
  private readonly wallet: Wallet;

  constructor(privateKey: string) {
    super();
    this.wallet = new Wallet(privateKey);
    this.address = this.wallet.address;
  }

  sign(transaction: UnsignedTransaction): Promise<string> {
    return this.wallet.signTransaction(toEthers(transaction));
  }
}
