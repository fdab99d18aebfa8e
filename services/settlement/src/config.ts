import { addresses, chainAddress, count, flag, milliseconds } from '@openledger/config';
import { z } from 'zod';
import { DEFAULT_ROLE_SPLIT } from './domain/split-fee.js';

/** Six bps: platform, developer, stakers, contributors, node, royalty; the last two may be left out. */
const roleSplit = z
  .string()
  .regex(/^\d+(,\d+){3}(,\d+,\d+)?$/, 'whole numbers: platform,developer,stakers,contributors[,node,royalty]')
  .transform((text) => {
    const [platformBps = 0, developerBps = 0, stakersBps = 0, contributorsBps = 0, ...more] = text
      .split(',')
      .map(Number);
    const [nodeBps = DEFAULT_ROLE_SPLIT.nodeBps, royaltyBps = DEFAULT_ROLE_SPLIT.royaltyBps] = more;
    return { platformBps, developerBps, stakersBps, contributorsBps, nodeBps, royaltyBps };
  });

/** `digest=organisation`, separated by commas. */
const owners = z
  .string()
  .regex(/^([^=,]+=[^=,]+)(,[^=,]+=[^=,]+)*$/, 'digest=organisation, separated by commas')
  .transform((text) => new Map(text.split(',').map((pair) => pair.split('=') as [string, string])));

/** What settlement reads of the environment. */
export const SettlementConfig = z.object({
  CHAIN_RPC_URL: z.url(),
  /** Told to clients; without it CHAIN_RPC_URL is, unless it may hold a key. */
  CHAIN_PUBLIC_RPC_URL: z.url().optional(),
  CHAIN_ID: count.default(31_337),
  CHAIN_TOKEN_ADDRESS: chainAddress,
  CHAIN_VAULT_ADDRESS: chainAddress,
  CHAIN_DISTRIBUTOR_ADDRESS: chainAddress,
  CHAIN_ESCROW_ADDRESS: chainAddress,
  CHAIN_STAKE_REGISTRY_ADDRESS: chainAddress,
  CHAIN_PARAM_REGISTRY_ADDRESS: chainAddress,
  CHAIN_ATTRIBUTION_REGISTRY_ADDRESS: chainAddress,
  /** The block of the deployment; nothing before it is read. */
  CHAIN_START_BLOCK: z.coerce.number().int().min(0).default(0),
  /** A deposit counts in a block this deep; 1 is the newest. Use the chain's reorg depth in production. */
  CHAIN_CONFIRMATIONS: count.default(1),
  CHAIN_FINALITY_BLOCKS: count.default(64),
  CHAIN_POLL_MS: milliseconds.default(500),
  CHAIN_REPLACE_AFTER_MS: milliseconds.default(60_000),
  /** Private key of the vault's operator and root poster, 0x-prefixed. */
  SETTLEMENT_OPERATOR_KEY: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, 'a private key: 0x and 64 hexadecimal digits'),
  /** Wallets that may close an epoch by hand; without the list, whoever has the scope may. */
  SETTLEMENT_OPERATOR_WALLETS: addresses.optional(),
  SETTLEMENT_EPOCH_MS: milliseconds.default(3_600_000),
  SETTLEMENT_HOLD_TTL_MS: milliseconds.default(600_000),
  SETTLEMENT_HOLD_SWEEP_MS: milliseconds.default(5_000),
  /** How long new requests are begun on a lease. */
  SETTLEMENT_LEASE_USE_MS: milliseconds.default(10_000),
  /** A lease that its gateway has not returned this long after its use is given up. */
  SETTLEMENT_LEASE_ABANDON_MS: milliseconds.default(86_400_000),
  SETTLEMENT_SPLIT_BPS: roleSplit.default(DEFAULT_ROLE_SPLIT),
  SETTLEMENT_BASE_MODEL_OWNERS: owners.optional(),
  /** Webhooks may call http and internal addresses: development only. */
  SETTLEMENT_WEBHOOKS_INTERNAL: flag.default(false),
});

export type SettlementConfig = z.infer<typeof SettlementConfig>;
