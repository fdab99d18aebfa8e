import { loadConfig } from '@openledger/config';
import { DomainError } from '@openledger/kernel';
import { connect, PrepaidVault, payerAccount, RewardsDistributor } from '@openledger/onchain';
import type { Composition, Host, Service } from '@openledger/service-host';
import { type JsonRpcProvider, Wallet } from 'ethers';
import { CloseEpoch } from './application/close-epoch.js';
import { EndHold } from './application/end-hold.js';
import { EndLease } from './application/end-lease.js';
import { HoldBalance } from './application/hold-balance.js';
import { LeaseBalance } from './application/lease-balance.js';
import { SettlementQueries } from './application/queries.js';
import { RecordPayees } from './application/record-payees.js';
import { RecordUsage } from './application/record-usage.js';
import { SendTransactions } from './application/send-transactions.js';
import { WatchChain } from './application/watch-chain.js';
import { SettlementConfig } from './config.js';
import { publicEndpoint } from './domain/public-endpoint.js';
import { checkRoles } from './domain/split-fee.js';
import { Background, type BackgroundLoop } from './inbound/background.js';
import { settlementGrpc } from './inbound/settlement.grpc.js';
import { SettlementController } from './inbound/settlement.rest.js';
import { SettlementView } from './inbound/settlement-view.js';
import { subscriptions } from './inbound/subscriptions.js';
import { migrations } from './migrations.js';
import { EthereumReader } from './outbound/ethereum-reader.js';
import { EthereumSender } from './outbound/ethereum-sender.js';
import { EthereumPayoutContracts } from './outbound/payout-contracts.js';
import { PostgresQueries } from './outbound/postgres-queries.js';
import { PostgresSettlementStore } from './outbound/postgres-store.js';

const FEE_RAISES_MAX = 8;
/** How often within an epoch it is asked whether the epoch is over, between these bounds. */
const EPOCH_CHECKS = 60;
const EPOCH_CHECK_MIN_MS = 200;
const EPOCH_CHECK_MAX_MS = 60_000;

/** Meters, splits, accrues, anchors and pays. */
export const settlement: Service = { name: 'settlement', migrations, compose };

function compose(host: Host): Composition {
  const config = loadConfig(SettlementConfig, host.env);
  checkRoles(config.SETTLEMENT_SPLIT_BPS);
  const chain = connectChain(config);
  const store = new PostgresSettlementStore(host.database);
  const queries = new PostgresQueries(host.database, chain.contracts);
  const closeEpoch = new CloseEpoch(store, chain.contracts);
  const endHold = new EndHold(store);
  const holdBalance = new HoldBalance(store, config.SETTLEMENT_HOLD_TTL_MS);
  const endLease = new EndLease(store);
  const leaseBalance = new LeaseBalance(store, {
    useForMs: config.SETTLEMENT_LEASE_USE_MS,
    abandonAfterMs: config.SETTLEMENT_LEASE_ABANDON_MS,
  });
  const usage = new RecordUsage(store, {
    roles: config.SETTLEMENT_SPLIT_BPS,
    baseModelOwners: config.SETTLEMENT_BASE_MODEL_OWNERS ?? new Map(),
  });

  const background = new Background(
    [
      ...chainLoops(host, config, store, chain),
      ...ledgerLoops(host, config, { endHold, endLease, closeEpoch }),
    ],
    (name, error) => host.log.warn({ err: error, loop: name }, 'a pass failed'),
  );
  return {
    module: {
      module: SettlementModule,
      controllers: [SettlementController],
      providers: [
        { provide: SettlementQueries, useValue: queries },
        { provide: CloseEpoch, useValue: closeEpoch },
        { provide: SettlementView, useValue: viewOf(host, config) },
      ],
    },
    grpc: [
      settlementGrpc(host, { holdBalance, endHold, leaseBalance, endLease, queries, clock: host.clock }),
    ],
    handlers: subscriptions(usage, new RecordPayees(store), host.clock),
    start: async () => {
      await checkChain(config, chain);
      background.start();
    },
    stop: async () => {
      await background.stop();
      chain.provider.destroy();
    },
  };
}

class SettlementModule {}

interface ConnectedChain {
  readonly provider: JsonRpcProvider;
  readonly vault: PrepaidVault;
  readonly reader: EthereumReader;
  readonly sender: EthereumSender;
  readonly contracts: EthereumPayoutContracts;
}

function connectChain(config: SettlementConfig): ConnectedChain {
  const provider = connect(config.CHAIN_RPC_URL, config.CHAIN_ID);
  const vault = new PrepaidVault(config.CHAIN_VAULT_ADDRESS, provider);
  const distributor = new RewardsDistributor(config.CHAIN_DISTRIBUTOR_ADDRESS, provider);
  return {
    provider,
    vault,
    reader: new EthereumReader(provider, vault, distributor),
    sender: new EthereumSender(provider, new Wallet(config.SETTLEMENT_OPERATOR_KEY), config.CHAIN_ID),
    contracts: new EthereumPayoutContracts(vault, distributor),
  };
}

function chainLoops(
  host: Host,
  config: SettlementConfig,
  store: PostgresSettlementStore,
  chain: ConnectedChain,
): BackgroundLoop[] {
  const watch = new WatchChain(store, chain.reader, {
    startBlock: config.CHAIN_START_BLOCK,
    confirmations: config.CHAIN_CONFIRMATIONS,
  });
  const send = new SendTransactions(store, chain.sender, chain.reader, {
    finalityBlocks: config.CHAIN_FINALITY_BLOCKS,
    replaceAfterMs: config.CHAIN_REPLACE_AFTER_MS,
    attemptsMax: FEE_RAISES_MAX,
  });
  const everyMs = config.CHAIN_POLL_MS;
  return [
    { name: 'watch chain', everyMs, work: () => watch.catchUp(() => host.clock.now()) },
    { name: 'send transactions', everyMs, work: () => send.pass(host.clock.now()) },
  ];
}

function ledgerLoops(
  host: Host,
  config: SettlementConfig,
  { endHold, endLease, closeEpoch }: { endHold: EndHold; endLease: EndLease; closeEpoch: CloseEpoch },
): BackgroundLoop[] {
  const intervalMs = config.SETTLEMENT_EPOCH_MS;
  return [
    {
      name: 'expire holds',
      everyMs: config.SETTLEMENT_HOLD_SWEEP_MS,
      work: async () => void (await endHold.expire(host.clock.now())),
    },
    {
      name: 'give up leases',
      everyMs: config.SETTLEMENT_HOLD_SWEEP_MS,
      work: async () => {
        const abandoned = await endLease.abandon(host.clock.now());
        if (abandoned > 0) host.log.warn({ abandoned }, 'leases were never returned');
      },
    },
    {
      name: 'forget leases',
      everyMs: config.SETTLEMENT_HOLD_SWEEP_MS,
      work: async () => void (await endLease.forget(host.clock.now())),
    },
    {
      name: 'close epoch',
      everyMs: Math.min(Math.max(intervalMs / EPOCH_CHECKS, EPOCH_CHECK_MIN_MS), EPOCH_CHECK_MAX_MS),
      work: async () => {
        const now = host.clock.now();
        if (await closeEpoch.due(now, intervalMs)) await closeEpoch.run(now).catch(ignoreIdle);
      },
    },
  ];
}

/** An epoch in which nobody earned is skipped, and one that is still on its way is waited for. */
function ignoreIdle(error: unknown): void {
  const idle =
    error instanceof DomainError && ['NOTHING_TO_SETTLE', 'EPOCH_IN_PROGRESS'].includes(error.code);
  if (!idle) throw error;
}

const viewOf = (host: Host, config: SettlementConfig): SettlementView =>
  new SettlementView(
    {
      chainId: config.CHAIN_ID,
      rpcUrl: publicEndpoint(config.CHAIN_RPC_URL, config.CHAIN_PUBLIC_RPC_URL),
      token: config.CHAIN_TOKEN_ADDRESS,
      vault: config.CHAIN_VAULT_ADDRESS,
      distributor: config.CHAIN_DISTRIBUTOR_ADDRESS,
      depositAccountOf: payerAccount,
    },
    host.clock,
    config.SETTLEMENT_OPERATOR_WALLETS &&
      new Set(config.SETTLEMENT_OPERATOR_WALLETS.map((w) => w.toLowerCase())),
  );

/** Money must not move on the wrong chain or past the wrong contracts, so a mismatch stops the start. */
async function checkChain(config: SettlementConfig, chain: ConnectedChain): Promise<void> {
  const actual = Number(await chain.provider.send('eth_chainId', []));
  if (actual !== config.CHAIN_ID) {
    throw new DomainError(
      'precondition',
      'CHAIN_MISMATCH',
      `CHAIN_ID is ${config.CHAIN_ID}, the endpoint's is ${actual}`,
    );
  }
  const operator = await chain.vault.operator();
  if (operator.toLowerCase() === chain.sender.address.toLowerCase()) return;
  throw new DomainError(
    'precondition',
    'OPERATOR_MISMATCH',
    `SETTLEMENT_OPERATOR_KEY belongs to ${chain.sender.address}, the vault's operator is ${operator}`,
  );
}
