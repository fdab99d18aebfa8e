import { join } from 'node:path';
import type { Env } from '@openledger/config';
import { chainSettings } from '@openledger/onchain';
import { Wallet } from 'ethers';
import type { PlatformChain } from './chain.js';
import type { PlatformOptions } from './platform-options.js';
import type { Secrets } from './secrets.js';

export interface Surroundings {
  readonly options: PlatformOptions;
  readonly secrets: Secrets;
  readonly databaseUrl: string;
  readonly chain: PlatformChain;
  readonly ports: ReadonlyMap<string, number>;
}

/** Services are reached by one another and by the front alone; only the gateway's gRPC is for outsiders. */
const LOOPBACK = '127.0.0.1';

/** What Helm's values are in a cluster: the environment of the services, made for one process. */
export function environment({ options, secrets, databaseUrl, chain, ports }: Surroundings): Env {
  const grpc = (service: string) => `${LOOPBACK}:${ports.get(service)}`;
  return {
    DATABASE_URL: databaseUrl,
    DATABASE_POOL: '4',
    BIND_HOST: LOOPBACK,
    LOG_LEVEL: options.logLevel,
    SERVICE_TOKEN: secrets.serviceToken,
    API_KEY_PEPPER: secrets.apiKeyPepper,
    OPERATOR_WALLETS: new Wallet(secrets.operatorKey).address,
    ACCOUNTS_GRPC: grpc('accounts'),
    SETTLEMENT_GRPC: grpc('settlement'),
    WORKER_GRPC: grpc('inference-worker'),
    BLOB_DIR: join(options.dataDir, 'blobs'),
    UPLOAD_DIR: join(options.dataDir, 'uploads'),
    // A laptop has better uses for its cores, and for the memory of an engine that nobody asks.
    ATTRIBUTION_IDLE_MS: '5000',
    ATTRIBUTION_AUDIT_SECONDS: '20',
    WORK_DIR: join(options.dataDir, 'work'),
    STATE_DIR: join(options.dataDir, 'inference-worker'),
    MODEL_DIR: options.modelDir,
    CHAIN_RPC_URL: chain.chain.rpcUrl,
    ...chainSettings(chain.deployment),
    CHAIN_POLL_MS: '200',
    SETTLEMENT_OPERATOR_KEY: secrets.posterKey,
    SETTLEMENT_OPERATOR_WALLETS: new Wallet(secrets.operatorKey).address,
  };
}
