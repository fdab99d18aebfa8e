import { LOCAL_CHAIN_ID } from '@openledger/onchain';
import type { Database } from '@openledger/persistence';
import { CloseEpoch } from '../src/application/epochs/close-epoch.js';
import type { PayoutContracts } from '../src/application/epochs/epoch-ports.js';
import type { StakerPayout } from '../src/application/epochs/pay-stakers.js';
import { WriteManifests } from '../src/application/epochs/write-manifests.js';
import { PostgresEpochRecords } from '../src/outbound/epochs/postgres-epoch-records.js';
import { PostgresManifests } from '../src/outbound/epochs/postgres-manifests.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

/** What closes epochs on a database, as the service composes it. */
export function epochsOn(
  database: Database,
  contracts: PayoutContracts,
  distributor: string,
  stakers?: StakerPayout,
) {
  const store = new PostgresSettlementStore(database);
  const records = new PostgresEpochRecords(database);
  const manifestStore = new PostgresManifests(database);
  const facts = { chainId: LOCAL_CHAIN_ID, address: distributor };
  const manifests = new WriteManifests(records, manifestStore, facts);
  const closeEpoch = new CloseEpoch({
    store,
    records,
    manifests,
    contracts,
    ...(stakers ? { stakers } : {}),
  });
  return { closeEpoch, records, manifests, manifestStore };
}
