import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, milliseconds } from '@openledger/config';
import { CONTRIBUTION_BYTES_MAX, CONTRIBUTION_RECORDS_MAX } from '@openledger/kernel';
import { z } from 'zod';

const MIB = 1024 * 1024;

export const IngestionConfig = z.object({
  BLOB_DIR: z.string().min(1),
  /** Scratch space for uploads while they are read. */
  UPLOAD_DIR: z.string().default(join(tmpdir(), 'openledger-uploads')),
  CHAIN_ID: count.default(31_337),
  /** Of one upload, as sent and after decompression; spaces and escapes make it larger than its records. */
  UPLOAD_BYTES_MAX: count.default(2 * CONTRIBUTION_BYTES_MAX),
  /** Of the canonical records; at most what validation has under the same names. */
  CONTRIBUTION_BYTES_MAX: count.default(CONTRIBUTION_BYTES_MAX),
  CONTRIBUTION_RECORDS_MAX: count.default(CONTRIBUTION_RECORDS_MAX),
  LINE_BYTES_MAX: count.default(MIB),
  LINES_MAX: count.default(5_000_000),
  GZIP_RATIO_MAX: count.default(100),
  PARSE_TIMEOUT_MS: milliseconds.default(60_000),
  PARSE_HEAP_MB: count.default(192),
  /** Uploads read at once. */
  PARSE_CHILDREN_MAX: count.default(2),
});

export type IngestionConfig = z.infer<typeof IngestionConfig>;
