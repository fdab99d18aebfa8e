import type { UnsignedTransaction } from '../../domain/chain/signing-policy.js';

/** One key, wherever it lives. Nothing of it ever enters a log or an error. */
export abstract class TransactionSigner {
  abstract readonly address: string;
  /**
   * The signed transaction as it goes over the wire, 0x-prefixed.
   * @throws DomainError SIGNER_UNAVAILABLE, SIGNER_INVALID
   */
  abstract sign(transaction: UnsignedTransaction): Promise<string>;
}

/** A key that signs digests alone, as key management services offer it. */
export interface DigestKey {
  /** ECDSA on secp256k1 over 32 bytes; the answer is DER (RFC 3279, 2.2.3), with s in either half. */
  signDigest(digest: Uint8Array): Promise<Uint8Array>;
}
