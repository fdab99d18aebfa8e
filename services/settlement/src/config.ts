import { addresses, chainAddress, count, flag, milliseconds, wei } from '@openledger/config';
import { z } from 'zod';
import { DEFAULT_ROLE_SPLIT } from './domain/split/split-fee.js';

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

const WITNESSES_MAX = 4;
const endpoints = z
  .string()
  .transform((list) => list.split(',').map((url) => url.trim()))
  .pipe(z.array(z.url()).max(WITNESSES_MAX));

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
  /** Further endpoints of the same chain, separated by commas: only what most of all say alike is believed. */
  CHAIN_WITNESS_RPC_URLS: endpoints.default([]),
  /** Deposits count in blocks of this name, and by CHAIN_CONFIRMATIONS as well. */
  CHAIN_DEPOSIT_TAG: z.enum(['latest', 'safe', 'finalized']).default('latest'),
  /** What is final: the chain's word where the endpoint knows it, or CHAIN_FINALITY_BLOCKS. */
  CHAIN_FINALITY_TAG: z.enum(['depth', 'safe', 'finalized']).default('finalized'),
  /** Where the operator's key is: here, at a signer that takes transactions, or at one that takes digests. */
  SETTLEMENT_SIGNER: z.enum(['local', 'http', 'kms']).default('local'),
  SETTLEMENT_SIGNER_URL: z.url().optional(),
  SETTLEMENT_SIGNER_ADDRESS: chainAddress.optional(),
  /** Sent to the signer as a bearer token. */
  SETTLEMENT_SIGNER_TOKEN: z.string().min(1).optional(),
  /** The most that fees of a day may cost, in wei of the chain's coin. */
  SETTLEMENT_GAS_BUDGET_WEI: wei.default(10n ** 18n),
  /** The most OPEN that a day may fund, in wei. */
  SETTLEMENT_FUND_LIMIT_WEI: wei.default(10n ** 27n),
  /** Chain and ledger are compared after as many blocks, and after as long. */
  SETTLEMENT_RECONCILE_BLOCKS: count.default(64),
  SETTLEMENT_RECONCILE_MS: milliseconds.default(86_400_000),
  /** Vouchers are claimed this long after the last was accepted, and at once where a payer leaves. */
  SETTLEMENT_VOUCHER_CLAIM_MS: milliseconds.default(600_000),
  /** Private key of the vault's operator and root poster, 0x-prefixed; for the local signer. */
  SETTLEMENT_OPERATOR_KEY: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, 'a private key: 0x and 64 hexadecimal digits')
    .optional(),
  /** Wallets that may close an epoch by hand; without the list, whoever has the scope may. */
  SETTLEMENT_OPERATOR_WALLETS: addresses.optional(),
  /** How long a ledger epoch is. */
  SETTLEMENT_EPOCH_MS: milliseconds.default(3_600_000),
  /** Ledger epochs in a chain epoch. */
  SETTLEMENT_CHAIN_EPOCH_LENGTH: count.default(24),
  SETTLEMENT_HOLD_TTL_MS: milliseconds.default(600_000),
  SETTLEMENT_HOLD_SWEEP_MS: milliseconds.default(5_000),
  /** How long new requests are begun on a lease. */
  SETTLEMENT_LEASE_USE_MS: milliseconds.default(10_000),
  /** A lease that its gateway has not returned this long after its use is given up. */
  SETTLEMENT_LEASE_ABANDON_MS: milliseconds.default(86_400_000),
  /** How long before it takes effect a higher price must be announced. */
  SETTLEMENT_PRICE_NOTICE_MS: milliseconds.default(86_400_000),
  SETTLEMENT_SPLIT_BPS: roleSplit.default(DEFAULT_ROLE_SPLIT),
  SETTLEMENT_BASE_MODEL_OWNERS: owners.optional(),
  /** Webhooks may call http and internal addresses: development only. */
  SETTLEMENT_WEBHOOKS_INTERNAL: flag.default(false),
});

export type SettlementConfig = z.infer<typeof SettlementConfig>;
