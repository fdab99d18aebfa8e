import { count, milliseconds } from '@openledger/config';
import { precisions, providers } from '@openledger/transformer';
import { z } from 'zod';

const MIB = 1024 * 1024;

export const WorkerConfig = z.object({
  /** Folder of the base model: configuration, weights, tokenizer. */
  MODEL_DIR: z.string().min(1),
  /** Where adapters are fetched from. */
  BLOB_DIR: z.string().min(1),
  /** Ed25519 key as PKCS #8 in PEM that receipts are signed with; SIGNING_KEY_FILE names a file of it. */
  SIGNING_KEY: z.string().optional(),
  /** Keeps the signing key that is made where none is given; without it, each start makes a new one. */
  STATE_DIR: z.string().min(1).optional(),
  /** Requests that are decoded together. */
  BATCH_ROWS_MAX: count.default(8),
  /** Requests that may wait for a row; more are refused with OVERLOADED. */
  QUEUE_MAX: count.default(64),
  /** Tokens that all requests at hand may still need; more are refused with OVERLOADED. */
  QUEUE_TOKENS_MAX: count.default(131_072),
  /** Prompt tokens read between two decoding steps; a multiple of 64. Prompts are cut there, whatever the load. */
  PREFILL_CHUNK_TOKENS: count.multipleOf(64).default(128),
  /** Longest prompt and answer together; the model's own limit holds as well. */
  CONTEXT_TOKENS_MAX: count.default(2_048),
  /** Memory for keys and values of running requests; it bounds the context as well. */
  KV_CACHE_BYTES: count.default(1_024 * MIB),
  /** Memory for keys and values of prompts read earlier. */
  PREFIX_CACHE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(256 * MIB),
  /** Messages of a stream that may wait for its reader; then its row leaves the steps. */
  STREAM_MESSAGES_MAX: count.default(64),
  /** How long it may stay so before the answer is ended with READER_TOO_SLOW. */
  STREAM_STALL_MS: count.default(30_000),
  /** Largest LoRA rank served. */
  ADAPTER_RANK_MAX: count.default(128),
  /** Pages of rank 8 that the adapters of running requests share; an adapter of rank 16 takes two. */
  ADAPTER_PAGES: count.default(64),
  /** Adapters in memory, those of running and waiting requests included. */
  ADAPTER_CACHE_BYTES: count.default(512 * MIB),
  /** Folder for adapters fetched from a blob store that is far away; empty where it is near. */
  ADAPTER_DISK_DIR: z.string().default(''),
  /** What that folder may hold. */
  ADAPTER_DISK_BYTES: count.default(4_096 * MIB),
  /** Largest adapter file accepted. */
  ADAPTER_FILE_BYTES_MAX: count.default(128 * MIB),
  /** What computes: onnx in this process, or an upstream vLLM for which this worker speaks. */
  ENGINE: z.enum(['onnx', 'vllm']).default('onnx'),
  /** Where the upstream server listens, such as http://127.0.0.1:8000. */
  VLLM_ENDPOINT: z.url().optional(),
  /** Empty where the server asks for none; VLLM_API_KEY_FILE names a file of it. */
  VLLM_API_KEY: z.string().default(''),
  /** A folder that the server sees under the same path: adapters are put there for it. */
  VLLM_ADAPTER_DIR: z.string().min(1).optional(),
  /** Adapters that the server may have loaded: its --max-cpu-loras. */
  VLLM_ADAPTERS_MAX: count.default(64),
  /** Adapters that it keeps on the device: its --max-loras. */
  VLLM_ADAPTERS_IN_BATCH: count.default(8),
  /** How long it may take to load its model. */
  VLLM_START_TIMEOUT_MS: milliseconds.default(1_800_000),
  /** Threads inside one operator. */
  ENGINE_THREADS: count.default(1),
  /** Precision of the linear layers; auto times the kernels here and guards the quality. */
  ENGINE_PRECISION: z.enum(['auto', ...precisions]).default('auto'),
  /** Where the model is computed; refused at start where the runtime cannot. */
  ENGINE_PROVIDER: z.enum(providers).default('cpu'),
  /** Keeps what auto found, so that later starts need no trials; default: in STATE_DIR, else nowhere. */
  ENGINE_PLAN_DIR: z.string().min(1).optional(),
});

export type WorkerConfig = z.infer<typeof WorkerConfig>;
