import { count } from '@openledger/config';
import { z } from 'zod';

const MIB = 1024 * 1024;

export const WorkerConfig = z.object({
  /** Folder of the base model: configuration, weights, tokenizer. */
  MODEL_DIR: z.string().min(1),
  /** Where adapters are fetched from. */
  BLOB_DIR: z.string().min(1),
  /** Requests that are decoded together. */
  BATCH_ROWS_MAX: count.default(8),
  /** Requests that may wait for a row; more are refused with OVERLOADED. */
  QUEUE_MAX: count.default(64),
  /** Prompt tokens read between two decoding steps. */
  PREFILL_CHUNK_TOKENS: count.default(128),
  /** Longest prompt and answer together; the model's own limit holds as well. */
  CONTEXT_TOKENS_MAX: count.default(2_048),
  /** Largest LoRA rank served; smaller ones are filled up, so do not set it higher than needed. */
  ADAPTER_RANK_MAX: count.default(16),
  /** Adapters kept in memory after use; those of running and waiting requests come on top. */
  ADAPTER_CACHE_BYTES: count.default(512 * MIB),
  /** Largest adapter file accepted. */
  ADAPTER_FILE_BYTES_MAX: count.default(128 * MIB),
  /** Threads inside one operator. */
  ENGINE_THREADS: count.default(1),
});

export type WorkerConfig = z.infer<typeof WorkerConfig>;
