import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DomainError } from '@openledger/kernel';

export interface InflateLimits {
  readonly uploadBytesMax: number;
  readonly ratioMax: number;
}

/** Below this, a high ratio is small talk. */
const RATIO_FLOOR_BYTES = 512 * 1024;
/** Bytes fed at once: with what they may become, still below the limit of a line. */
export const COMPRESSED_CHUNK_BYTES = 8 * 1024;

/**
 * Decompresses, and stops as soon as the output is out of proportion to the input read so far.
 *
 * @throws DomainError ARCHIVE_BOMB, ARCHIVE_CORRUPT, UPLOAD_TOO_LARGE
 */
export async function* inflate(
  chunks: AsyncIterable<Uint8Array>,
  { uploadBytesMax, ratioMax }: InflateLimits,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  pipeline(Readable.from(chunks), gunzip, () => undefined);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > Math.max(RATIO_FLOOR_BYTES, ratioMax * gunzip.bytesWritten)) throw bomb(ratioMax);
      if (bytes > uploadBytesMax) throw tooLarge(uploadBytesMax);
      yield chunk;
    }
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith('Z_')) throw error;
    const message = 'The gzip data is damaged or cut short: compress the file again.';
    throw new DomainError('invalid', 'ARCHIVE_CORRUPT', message, { cause: error });
  }
}

const bomb = (ratioMax: number) =>
  new DomainError(
    'too-large',
    'ARCHIVE_BOMB',
    `The gzip data grows to more than ${ratioMax} times its size: send it uncompressed.`,
    { details: { ratioMax } },
  );

export function tooLarge(bytesMax: number): DomainError {
  const message = `The upload has more than ${bytesMax} bytes: split it.`;
  return new DomainError('too-large', 'UPLOAD_TOO_LARGE', message, { details: { bytesMax } });
}
