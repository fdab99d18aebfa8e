import { addresses, count, flag, milliseconds, port } from '@openledger/config';
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
    KAFKA_TLS: flag.default(false),
    KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
    KAFKA_SASL_USERNAME: z.string().optional(),
    KAFKA_SASL_PASSWORD: z.string().optional(),
    /** Of topics that the services create. */
    KAFKA_REPLICATION_FACTOR: count.default(1),
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
  })
  .refine(
    ({ KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: name, KAFKA_SASL_PASSWORD: password }) =>
      (mechanism === undefined) === (name === undefined) && (name === undefined) === (password === undefined),
    { message: 'KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD come together or not at all' },
  );

export type HostConfig = z.infer<typeof HostConfig>;
