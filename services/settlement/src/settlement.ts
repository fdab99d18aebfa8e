import { loadConfig } from '@openledger/config';
import { payerAccount } from '@openledger/onchain';
import type { Composition, Host, Service } from '@openledger/service-host';
import { anchorsPart } from './anchors-part.js';
import { SettlementQueries } from './application/queries.js';
import { billingPart } from './billing-part.js';
import { chainPart, connectChain } from './chain-part.js';
import { SettlementConfig } from './config.js';
import { publicEndpoint } from './domain/chain/public-endpoint.js';
import { epochsPart } from './epochs-part.js';
import { Background } from './inbound/background.js';
import { SettlementController } from './inbound/settlement.rest.js';
import { SettlementView } from './inbound/settlement-view.js';
import { ledgerPart } from './ledger-part.js';
import { meteringPart } from './metering-part.js';
import { migrations } from './migrations/index.js';
import { PostgresQueries } from './outbound/postgres-queries.js';
import { PostgresSettlementStore } from './outbound/postgres-store.js';
import type { Base, Part } from './part.js';
import { policyPart } from './policy-part.js';
import { prepaidPart } from './prepaid-part.js';
import { reconcilePart } from './reconcile-part.js';
import { statementsPart } from './statements-part.js';
import { webhooksPart } from './webhooks-part.js';

/** Meters, splits, accrues, anchors and pays. */
export const settlement: Service = { name: 'settlement', migrations, compose };

function compose(host: Host): Composition {
  const config = loadConfig(SettlementConfig, host.env);
  const chain = connectChain(config);
  const store = new PostgresSettlementStore(host.database, host.clock);
  const queries = new PostgresQueries(host.database, chain.contracts);
  const base: Base = { host, config, store, chain };
  const parts: readonly Part[] = [
    readsPart(base, queries),
    chainPart(base),
    prepaidPart(base, queries),
    meteringPart(base),
    epochsPart(base),
    anchorsPart(base),
    ledgerPart(base),
    billingPart(base),
    policyPart(base),
    statementsPart(base),
    webhooksPart(base),
    reconcilePart(base),
  ];
  const background = new Background(
    parts.flatMap(({ loops }) => loops ?? []),
    (name, error) => host.log.warn({ err: error, loop: name }, 'a pass failed'),
  );
  return {
    module: {
      module: SettlementModule,
      controllers: parts.flatMap(({ controllers }) => controllers ?? []),
      providers: parts.flatMap(({ providers }) => providers ?? []),
    },
    grpc: parts.flatMap(({ grpc }) => grpc ?? []),
    handlers: parts.flatMap(({ handlers }) => handlers ?? []),
    start: async () => {
      for (const part of parts) await part.start?.();
      background.start();
    },
    stop: async () => {
      await background.stop();
      for (const part of parts) await part.stop?.();
    },
  };
}

class SettlementModule {}

function readsPart({ host, config }: Base, queries: SettlementQueries): Part {
  const operators = config.SETTLEMENT_OPERATOR_WALLETS?.map((wallet) => wallet.toLowerCase());
  const facts = {
    chainId: config.CHAIN_ID,
    rpcUrl: publicEndpoint(config.CHAIN_RPC_URL, config.CHAIN_PUBLIC_RPC_URL),
    token: config.CHAIN_TOKEN_ADDRESS,
    vault: config.CHAIN_VAULT_ADDRESS,
    distributor: config.CHAIN_DISTRIBUTOR_ADDRESS,
    escrow: config.CHAIN_ESCROW_ADDRESS,
    stakeRegistry: config.CHAIN_STAKE_REGISTRY_ADDRESS,
    paramRegistry: config.CHAIN_PARAM_REGISTRY_ADDRESS,
    attributionRegistry: config.CHAIN_ATTRIBUTION_REGISTRY_ADDRESS,
    depositAccountOf: payerAccount,
  };
  return {
    controllers: [SettlementController],
    providers: [
      { provide: SettlementQueries, useValue: queries },
      {
        provide: SettlementView,
        useValue: new SettlementView(facts, host.clock, operators && new Set(operators)),
      },
    ],
  };
}
