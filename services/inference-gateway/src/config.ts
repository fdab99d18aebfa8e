import { addresses, count, flag, milliseconds } from '@openledger/config';
import { z } from 'zod';

export const GatewayConfig = z.object({
  /** Folder of the base model; only its configuration, tokenizer and chat template are read. */
  MODEL_DIR: z.string().min(1),
  BLOB_DIR: z.string().min(1),
  SETTLEMENT_GRPC: z.string().default('settlement:9090'),
  /** Workers; a name with several addresses (a headless Service) counts as one worker for each. */
  WORKER_GRPC: addresses.default(['inference-worker:9090']),
  /** Serve the base model by its own name, unbilled and without attribution. */
  BASE_IS_FREE: flag.default(false),
  /** Longest prompt and answer together, as the workers have it; the model's own limit holds as well. */
  CONTEXT_TOKENS_MAX: count.default(2_048),
  /** Longest generation. */
  RUN_TIMEOUT_MS: milliseconds.default(300_000),
  /** A request that would wait longer for its first token, as predicted, is refused with 429. */
  FIRST_TOKEN_LIMIT_MS: milliseconds.default(60_000),
  /** How long a caller may leave a streamed answer unread; then it counts as gone. */
  READER_TIMEOUT_MS: milliseconds.default(30_000),
  /** Of a credential that has no limit of its own; in this gateway. */
  REQUESTS_PER_MINUTE: count.default(3_000),
  TOKENS_PER_MINUTE: count.default(10_000_000),
  /** How long the answer to a request with an Idempotency-Key is given again. */
  IDEMPOTENCY_KEEP_MS: milliseconds.default(86_400_000),
  /** Leases of a gateway that has not been heard of for this long are given back by another. */
  LEASE_ALIVE_MS: milliseconds.default(30_000),
  /** Off, a hold pays for each request. */
  SPEND_LEASES: flag.default(true),
});

export type GatewayConfig = z.infer<typeof GatewayConfig>;
