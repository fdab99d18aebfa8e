import { count, milliseconds } from '@openledger/config';
import { z } from 'zod';

export const AttributionConfig = z.object({
  BLOB_DIR: z.string().min(1),
  /** Folder of the base model. */
  MODEL_DIR: z.string().min(1),
  ATTRIBUTION_THREADS: count.default(1),
  /** Longest prompt and answer together that is scored; a longer prompt loses its beginning. */
  ATTRIBUTION_TOKENS_MAX: count.default(2_048),
  /** Largest lineage that is indexed. */
  ATTRIBUTION_RECORDS_MAX: count.default(200_000),
  ATTRIBUTION_POLL_MS: milliseconds.default(500),
  /** The engine's memory is given back after so long without work. */
  ATTRIBUTION_IDLE_MS: milliseconds.default(60_000),
  /** Wait before a failed piece of work is tried again; doubles with each attempt. */
  ATTRIBUTION_RETRY_MS: milliseconds.default(5_000),
});

export type AttributionConfig = z.infer<typeof AttributionConfig>;
