import type { Sha256 } from '@openledger/kernel';

/** Content-addressed storage: the name of a blob is the SHA-256 of its bytes, so nothing is ever overwritten. */
export abstract class BlobStore {
  /** Durable when it resolves; storing the same bytes again changes nothing. */
  abstract put(bytes: Uint8Array): Promise<Sha256>;
  /** Takes a stream of any length; nothing is left behind when the stream fails. */
  abstract putStream(chunks: AsyncIterable<Uint8Array>): Promise<{ digest: Sha256; bytes: number }>;
  /** @throws DomainError BLOB_UNKNOWN, BLOB_CORRUPT, BLOB_TOO_LARGE */
  abstract get(digest: Sha256, bytesMax?: number): Promise<Uint8Array>;
  abstract has(digest: Sha256): Promise<boolean>;
}
