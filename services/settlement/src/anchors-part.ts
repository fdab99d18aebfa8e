import { AttributionRegistry } from '@openledger/onchain';
import { AnchorManifests } from './application/epochs/anchor-manifests.js';
import { AnchorQueries } from './application/epochs/anchor-ports.js';
import { AnchorsController } from './inbound/anchors.rest.js';
import { AnchorRegistry } from './outbound/epochs/anchor-registry.js';
import { PostgresAnchorQueries } from './outbound/epochs/postgres-anchors.js';
import type { Base, Part } from './part.js';

/** A pass looks for manifests that were written since the last; there is one a ledger epoch. */
const PASSES_AN_EPOCH = 10;
const PASS_MIN_MS = 500;
const PASS_MAX_MS = 60_000;

/** Anchors what was attributed. */
export function anchorsPart({ host, config, store, chain }: Base): Part {
  const registry = new AttributionRegistry(config.CHAIN_ATTRIBUTION_REGISTRY_ADDRESS, chain.provider);
  const anchor = new AnchorManifests(store, new AnchorRegistry(registry), chain.sender.address);
  const everyMs = Math.min(Math.max(config.SETTLEMENT_EPOCH_MS / PASSES_AN_EPOCH, PASS_MIN_MS), PASS_MAX_MS);
  return {
    controllers: [AnchorsController],
    providers: [{ provide: AnchorQueries, useValue: new PostgresAnchorQueries(host.database) }],
    loops: [{ name: 'anchor manifests', everyMs, work: async () => void (await anchor.run()) }],
  };
}
