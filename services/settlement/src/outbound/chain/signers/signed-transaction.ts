import { DomainError } from '@openledger/kernel';
import { Transaction } from 'ethers';
import type { UnsignedTransaction } from '../../../domain/chain/signing-policy.js';

/** EIP-1559, which all our transactions are. */
const FEE_MARKET = 2;

export const toEthers = (transaction: UnsignedTransaction): Transaction =>
  Transaction.from({
    type: FEE_MARKET,
    chainId: transaction.chainId,
    nonce: transaction.nonce,
    to: transaction.to,
    data: transaction.data,
    value: transaction.valueWei,
    gasLimit: transaction.gasLimit,
    maxFeePerGas: transaction.maxFeeWei,
    maxPriorityFeePerGas: transaction.tipWei,
  });

/**
 * The hash of signed bytes that say exactly what was asked for, by the key that was asked.
 * @throws DomainError SIGNER_INVALID where a signer elsewhere answered with anything else
 */
export function hashOfSigned(raw: string, asked: UnsignedTransaction, address: string): string {
  const signed = parsed(raw);
  const same =
    signed.from?.toLowerCase() === address.toLowerCase() &&
    signed.unsignedSerialized === toEthers(asked).unsignedSerialized;
  if (same && signed.hash !== null) return signed.hash;
  throw signerInvalid('what came back is not the transaction that was to be signed, or is of another key');
}

function parsed(raw: string): Transaction {
  try {
    return Transaction.from(raw);
  } catch {
    throw signerInvalid('what came back is no transaction');
  }
}

export const signerInvalid = (message: string): DomainError =>
  new DomainError('unavailable', 'SIGNER_INVALID', `the signer cannot be used: ${message}`);

export const signerUnavailable = (message: string): DomainError =>
  new DomainError('unavailable', 'SIGNER_UNAVAILABLE', `the signer did not sign: ${message}`);
