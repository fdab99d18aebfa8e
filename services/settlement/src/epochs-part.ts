import { StakeRegistry } from '@openledger/onchain';
import { CloseEpoch } from './application/epochs/close-epoch.js';
import { EpochRecords, ManifestStore } from './application/epochs/manifest-ports.js';
import { WriteManifests } from './application/epochs/write-manifests.js';
import { ManifestController } from './inbound/manifest.rest.js';
import { PostgresEpochRecords } from './outbound/epochs/postgres-epoch-records.js';
import { PostgresManifests } from './outbound/epochs/postgres-manifests.js';
import { RegistryStakers } from './outbound/epochs/registry-stakers.js';
import type { Base, Part } from './part.js';

/** How often within an epoch it is asked whether the epoch is over, between these bounds. */
const EPOCH_CHECKS = 60;
const EPOCH_CHECK_MIN_MS = 200;
const EPOCH_CHECK_MAX_MS = 60_000;

/** Turns what accrued into promises, roots of them for the chain, and publishes what they follow from. */
export function epochsPart({ host, config, store, chain }: Base): Part {
  const records = new PostgresEpochRecords(host.database);
  const manifestStore = new PostgresManifests(host.database);
  const manifests = new WriteManifests(records, manifestStore, {
    chainId: config.CHAIN_ID,
    address: config.CHAIN_DISTRIBUTOR_ADDRESS,
  });
  const stakers = new RegistryStakers(
    chain.vault,
    new StakeRegistry(config.CHAIN_STAKE_REGISTRY_ADDRESS, chain.provider),
  );
  const closeEpoch = new CloseEpoch({ store, records, manifests, contracts: chain.contracts, stakers });
  const lengths = {
    ledgerMs: config.SETTLEMENT_EPOCH_MS,
    ledgersOfChain: config.SETTLEMENT_CHAIN_EPOCH_LENGTH,
  };
  const everyMs = Math.min(Math.max(lengths.ledgerMs / EPOCH_CHECKS, EPOCH_CHECK_MIN_MS), EPOCH_CHECK_MAX_MS);
  return {
    controllers: [ManifestController],
    providers: [
      { provide: CloseEpoch, useValue: closeEpoch },
      { provide: EpochRecords, useValue: records },
      { provide: ManifestStore, useValue: manifestStore },
    ],
    loops: [{ name: 'close epoch', everyMs, work: () => closeEpoch.tick(host.clock.now(), lengths) }],
  };
}
