import type { ModuleMetadata } from '@nestjs/common';
import type { InferenceEscrow, PrepaidVault } from '@openledger/onchain';
import type { Composition, Host } from '@openledger/service-host';
import type { JsonRpcProvider } from 'ethers';
import type { CompareEndpoints } from './application/chain/compare-endpoints.js';
import type { SettlementConfig } from './config.js';
import type { BackgroundLoop } from './inbound/background.js';
import type { EthereumSender } from './outbound/chain/ethereum-sender.js';
import type { EthereumPayoutContracts } from './outbound/epochs/payout-contracts.js';
import type { PostgresSettlementStore } from './outbound/postgres-store.js';

export interface ConnectedChain {
  readonly provider: JsonRpcProvider;
  /** Other endpoints, whose word is compared with the first one's. */
  readonly witnesses: readonly JsonRpcProvider[];
  readonly vault: PrepaidVault;
  readonly escrow: InferenceEscrow;
  readonly reader: CompareEndpoints;
  readonly sender: EthereumSender;
  readonly contracts: EthereumPayoutContracts;
}

/** What every part is made of. */
export interface Base {
  readonly host: Host;
  readonly config: SettlementConfig;
  readonly store: PostgresSettlementStore;
  readonly chain: ConnectedChain;
}

/** What one domain of settlement adds to the service. */
export interface Part {
  readonly controllers?: NonNullable<ModuleMetadata['controllers']>;
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly grpc?: NonNullable<Composition['grpc']>;
  readonly handlers?: NonNullable<Composition['handlers']>;
  readonly loops?: readonly BackgroundLoop[];
  /** Before the loops run; a failure stops the start. */
  readonly start?: () => Promise<void>;
  readonly stop?: () => void | Promise<void>;
}
