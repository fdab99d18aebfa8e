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
  /** How long an answer waits for a model that nobody has deployed; then the reserve takes it. */
  ATTRIBUTION_MODEL_WAIT_MS: milliseconds.default(86_400_000),
  /** Budget of a version's deep audit; 0 leaves it at the quick one of its index. */
  ATTRIBUTION_AUDIT_SECONDS: z.coerce.number().int().min(0).max(86_400).default(300),
  /** How long a caller is kept waiting for a replay before he is told to come back. */
  ATTRIBUTION_REPLAY_WAIT_MS: milliseconds.default(20_000),
  /** Of one person, within 24 hours. */
  ATTRIBUTION_CHALLENGES_PER_DAY: count.default(20),
});

export type AttributionConfig = z.infer<typeof AttributionConfig>;
