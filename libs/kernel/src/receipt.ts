import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { DomainError } from './errors.js';
import { canonicalJson, isSha256, type Json, type Sha256, sha256 } from './hash.js';

/** What a worker states about one answer, and signs. */
export interface ReceiptStatement {
  readonly version: 1;
  readonly kind: 'run' | 'embed';
  readonly requestId: string;
  readonly baseDigest: Sha256;
  /** In the order of the request; empty for the base model alone. */
  readonly adapters: readonly { readonly digest: Sha256; readonly weight: number }[];
  /** {@link contentDigest} of the prompt's token ids; of the list of such lists for `embed`. */
  readonly inputSha256: Sha256;
  /** {@link contentDigest} of the answer's token ids; of the list of embeddings for `embed`. */
  readonly outputSha256: Sha256;
  readonly promptTokens: number;
  /** 0 for `embed`. */
  readonly completionTokens: number;
  readonly cachedTokens: number;
  /** "stop", "length" or "cancelled"; empty for `embed`. */
  readonly finishReason: string;
  readonly engine: string;
  /** RFC 3339, UTC; `firstTokenAt` is `endedAt` where there was no token. */
  readonly startedAt: string;
  readonly firstTokenAt: string;
  readonly endedAt: string;
}

export interface SignedReceipt {
  /** {@link canonicalJson} of a {@link ReceiptStatement}. */
  readonly statement: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Of the statement's UTF-8 bytes, 64 bytes. */
  readonly signature: Uint8Array;
}

export type TokenLists = readonly number[] | readonly (readonly number[])[];

/** SHA-256 of the canonical JSON of token ids or embeddings: what a statement says of input and output. */
export const contentDigest = (content: TokenLists): Sha256 => sha256(canonicalJson(content));

/** A fresh Ed25519 key as PKCS #8 in PEM. */
export const generateSigningKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Signs receipts with one Ed25519 key. */
export class ReceiptSigner {
  readonly publicKey: Uint8Array;
  private readonly key: KeyObject;

  /** @throws DomainError SIGNING_KEY_INVALID when `pem` is not an Ed25519 key as PKCS #8 */
  constructor(pem: string) {
    this.key = privateKeyOf(pem);
    const { x = '' } = createPublicKey(this.key).export({ format: 'jwk' });
    this.publicKey = Buffer.from(x, 'base64url');
  }

  sign(statement: ReceiptStatement): SignedReceipt {
    const text = canonicalJson({
      ...statement,
      adapters: statement.adapters.map((adapter) => ({ ...adapter })),
    });
    return { statement: text, publicKey: this.publicKey, signature: sign(null, Buffer.from(text), this.key) };
  }
}

/**
 * Checks the signature by the key that the receipt names, and reads the statement. That the key is a worker's,
 * and that the statement is about the answer at hand, is for the caller to compare.
 *
 * @throws DomainError RECEIPT_INVALID
 */
export function verifyReceipt({ statement, publicKey, signature }: SignedReceipt): ReceiptStatement {
  if (publicKey.length !== 32 || signature.length !== 64) throw invalid('its key or signature is too short');
  const x = Buffer.from(publicKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  if (!verify(null, Buffer.from(statement), key, signature)) throw invalid('the signature is another’s');
  let value: unknown;
  try {
    value = JSON.parse(statement);
  } catch {
    throw invalid('the statement is not JSON');
  }
  if (!isStatement(value)) throw invalid('the statement lacks fields');
  if (canonicalJson(value as unknown as Json) !== statement) throw invalid('the statement is not canonical');
  return value;
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below: the reason may quote the key.
  }
  const message = 'The signing key is not an Ed25519 private key as PKCS #8 in PEM.';
  throw new DomainError('invalid', 'SIGNING_KEY_INVALID', message);
}

function isStatement(value: unknown): value is ReceiptStatement {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const { version, kind, baseDigest, adapters, inputSha256, outputSha256 } = fields;
  const digests = [baseDigest, inputSha256, outputSha256];
  const texts = ['requestId', 'finishReason', 'engine', 'startedAt', 'firstTokenAt', 'endedAt'];
  const counts = ['promptTokens', 'completionTokens', 'cachedTokens'];
  return (
    version === 1 &&
    (kind === 'run' || kind === 'embed') &&
    digests.every(isDigest) &&
    Array.isArray(adapters) &&
    adapters.every(isWeighted) &&
    texts.every((name) => typeof fields[name] === 'string') &&
    counts.every((name) => Number.isSafeInteger(fields[name]) && Number(fields[name]) >= 0)
  );
}

const isDigest = (value: unknown): boolean => typeof value === 'string' && isSha256(value);

function isWeighted(value: unknown): boolean {
  const { digest, weight } = (value ?? {}) as { digest?: unknown; weight?: unknown };
  return isDigest(digest) && typeof weight === 'number';
}

const invalid = (reason: string) =>
  new DomainError('invalid', 'RECEIPT_INVALID', `The receipt does not hold: ${reason}.`);
