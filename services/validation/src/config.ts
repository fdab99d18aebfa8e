import { count } from '@openledger/config';
import { CONTRIBUTION_BYTES_MAX, CONTRIBUTION_RECORDS_MAX } from '@openledger/kernel';
import { z } from 'zod';

export const ValidationConfig = z.object({
  /** Folder of the content-addressed blobs that services share. */
  BLOB_DIR: z.string().min(1),
  /** Larger contributions are rejected whole; ingestion refuses them under the same names. */
  CONTRIBUTION_BYTES_MAX: count.default(CONTRIBUTION_BYTES_MAX),
  CONTRIBUTION_RECORDS_MAX: count.default(CONTRIBUTION_RECORDS_MAX),
  /** Records below this are rejected, 0…1. */
  QUALITY_MIN: z.coerce.number().min(0).max(1).default(0.35),
  /** Copies, and percent of the records sent, from which two contributors count as one party. */
  PARTY_COPIES_MIN: count.default(3),
  PARTY_SHARE_PERCENT_MIN: z.coerce.number().min(1).max(100).default(20),
  /** Memory of the thread that assesses. */
  ASSESSOR_HEAP_MB: count.default(1_024),
});

export type ValidationConfig = z.infer<typeof ValidationConfig>;
