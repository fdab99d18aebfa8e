import type { TransactionSigner } from '../../../application/chain/signer-ports.js';
import {
  checkSigning,
  type SigningEntry,
  type SigningPolicy,
  type SigningUse,
  type UnsignedTransaction,
} from '../../../domain/chain/signing-policy.js';
import { hashOfSigned } from './signed-transaction.js';

export interface PolicedSignature {
  readonly raw: string;
  readonly hash: string;
  /** To be remembered with the transaction. */
  readonly entry: SigningEntry;
}

/** The only way to a key: what the policy refuses never reaches it, and what it answers is checked. */
export class PolicedSigner {
  readonly address: string;

  constructor(
    private readonly signer: TransactionSigner,
    readonly policy: SigningPolicy,
  ) {
    this.address = signer.address;
  }

  /** @throws DomainError SIGNER_… */
  async sign(transaction: UnsignedTransaction, costWei: bigint, use: SigningUse): Promise<PolicedSignature> {
    const entry = checkSigning(this.policy, { ...transaction, from: this.address, costWei }, use);
    const raw = await this.signer.sign(transaction);
    return { raw, hash: hashOfSigned(raw, transaction, this.address), entry };
  }
}
