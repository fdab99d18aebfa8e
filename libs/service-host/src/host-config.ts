import { addresses, count, milliseconds, port } from '@openledger/config';
import { z } from 'zod';

/** What every service reads; a service adds its own variables in its `config.ts`. */
export const HostConfig = z
  .object({
    DATABASE_URL: z.url(),
    DATABASE_POOL: count.default(8),
    /** Migrations are exempt from the first two. */
    DATABASE_STATEMENT_TIMEOUT_MS: milliseconds.default(60_000),
    DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: milliseconds.default(60_000),
    DATABASE_CONNECT_TIMEOUT_MS: milliseconds.default(30_000),
    EVENT_LOG: z.enum(['postgres', 'kafka']).default('postgres'),
    KAFKA_BROKERS: addresses.optional(),
    /** Address to listen on. */
    BIND_HOST: z.string().default('0.0.0.0'),
    HTTP_PORT: port.default(8080),
    GRPC_PORT: port.default(9090),
    /** host:port of the accounts service; it asks itself directly. */
    ACCOUNTS_GRPC: z.string().default('accounts:9090'),
    /** Shared by the services of one platform; shown on every internal call. */
    SERVICE_TOKEN: z.string().min(16),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    STOP_GRACE_MS: milliseconds.default(20_000),
  })
  .refine((env) => env.EVENT_LOG !== 'kafka' || env.KAFKA_BROKERS !== undefined, {
    message: 'KAFKA_BROKERS is required when EVENT_LOG=kafka',
  });

export type HostConfig = z.infer<typeof HostConfig>;
