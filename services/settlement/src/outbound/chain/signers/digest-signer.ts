import { type Signature as EthersSignature, getBytes, recoverAddress, Signature, toBeHex } from 'ethers';
import { type DigestKey, TransactionSigner } from '../../../application/chain/signer-ports.js';
import type { UnsignedTransaction } from '../../../domain/chain/signing-policy.js';
import { signerInvalid, toEthers } from './signed-transaction.js';

/** Order of the group of secp256k1 (SEC 2, 2.4.1). */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const SEQUENCE = 0x30;
const INTEGER = 0x02;
/** 32 bytes, and one zero in front where the highest bit is set. */
const INTEGER_BYTES_MAX = 33;
const WORD_BYTES = 32;

/** A key that only signs digests. The address is configured, because such keys do not tell it in this form. */
export class DigestSigner extends TransactionSigner {
  constructor(
    readonly address: string,
    private readonly key: DigestKey,
  ) {
    super();
  }

  async sign(transaction: UnsignedTransaction): Promise<string> {
    const unsigned = toEthers(transaction);
    const digest = unsigned.unsignedHash;
    unsigned.signature = signatureOf(await this.key.signDigest(getBytes(digest)), digest, this.address);
    return unsigned.serialized;
  }
}

/**
 * An Ethereum signature out of a DER one: s in its lower half (EIP-2), and the recovery id, which DER lacks, by
 * trying which of the two recovers the address.
 * @throws DomainError SIGNER_INVALID
 */
export function signatureOf(der: Uint8Array, digest: string, address: string): EthersSignature {
  const { r, s: given } = integersOf(der);
  const s = given > ORDER / 2n ? ORDER - given : given;
  for (const yParity of [0, 1] as const) {
    const signature = Signature.from({ r: toBeHex(r, WORD_BYTES), s: toBeHex(s, WORD_BYTES), yParity });
    if (recovered(digest, signature) === address.toLowerCase()) return signature;
  }
  throw signerInvalid('the signature is of another key');
}

function recovered(digest: string, signature: EthersSignature): string | undefined {
  try {
    return recoverAddress(digest, signature).toLowerCase();
  } catch {
    // Not every r is the x of a point for both parities.
    return undefined;
  }
}

function integersOf(der: Uint8Array): { r: bigint; s: bigint } {
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) throw signerInvalid('the signature is not DER');
  const first = integerAt(der, 2);
  const second = integerAt(der, first.end);
  if (second.end !== der.length) throw signerInvalid('the signature is not DER');
  return { r: first.value, s: second.value };
}

function integerAt(der: Uint8Array, at: number): { value: bigint; end: number } {
  const length = der[at + 1] ?? 0;
  const bytes = der.subarray(at + 2, at + 2 + length);
  const wellFormed = der[at] === INTEGER && length > 0 && length <= INTEGER_BYTES_MAX;
  if (!wellFormed || bytes.length !== length) throw signerInvalid('the signature is not DER');
  // Minimal and not negative, as X.690 asks for.
  const first = bytes[0] ?? 0;
  const padded = first === 0 && length > 1 && (bytes[1] ?? 0) < 0x80;
  if (first >= 0x80 || padded) throw signerInvalid('the signature is not DER');
  const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  if (value === 0n || value >= ORDER) throw signerInvalid('the signature is out of range');
  return { value, end: at + 2 + length };
}
