import { DomainError } from '@openledger/kernel';
import {
  AttributionRegistry,
  connect,
  InferenceEscrow,
  ParamRegistry,
  PrepaidVault,
  RewardsDistributor,
  StakeRegistry,
} from '@openledger/onchain';
import { CompareEndpoints } from './application/chain/compare-endpoints.js';
import { SendTransactions } from './application/chain/send-transactions.js';
import { WatchChain } from './application/chain/watch-chain.js';
import type { SettlementConfig } from './config.js';
import { publicEndpoint } from './domain/chain/public-endpoint.js';
import { EthereumReader } from './outbound/chain/ethereum-reader.js';
import { EthereumSender } from './outbound/chain/ethereum-sender.js';
import {
  distributorEvents,
  escrowEvents,
  parameterEvents,
  stakeEvents,
  vaultEvents,
} from './outbound/chain/event-sources.js';
import { EthereumPayoutContracts } from './outbound/epochs/payout-contracts.js';
import type { Base, ConnectedChain, Part } from './part.js';
import { policedSigner } from './signer.js';

const FEE_RAISES_MAX = 8;
/** An endpoint this far behind the others is stalled. */
const LAG_BLOCKS_MAX = 16;

export function connectChain(config: SettlementConfig): ConnectedChain {
  const provider = connect(config.CHAIN_RPC_URL, config.CHAIN_ID);
  const vault = new PrepaidVault(config.CHAIN_VAULT_ADDRESS, provider);
  const distributor = new RewardsDistributor(config.CHAIN_DISTRIBUTOR_ADDRESS, provider);
  const escrow = new InferenceEscrow(config.CHAIN_ESCROW_ADDRESS, provider, config.CHAIN_ID);
  const registry = new AttributionRegistry(config.CHAIN_ATTRIBUTION_REGISTRY_ADDRESS, provider);
  const params = new ParamRegistry(config.CHAIN_PARAM_REGISTRY_ADDRESS, provider);
  const stakes = new StakeRegistry(config.CHAIN_STAKE_REGISTRY_ADDRESS, provider);
  const sources = [
    ...vaultEvents(vault),
    ...distributorEvents(distributor),
    ...escrowEvents(escrow, vault.address),
    ...parameterEvents(params),
    ...stakeEvents(stakes),
  ];
  const witnesses = config.CHAIN_WITNESS_RPC_URLS.map((url) => connect(url, config.CHAIN_ID));
  const endpoints = [provider, ...witnesses].map((one, index) => ({
    name: endpointName(config, index),
    reader: new EthereumReader(one, sources),
  }));
  return {
    provider,
    witnesses,
    vault,
    escrow,
    reader: new CompareEndpoints(endpoints, { lagMax: LAG_BLOCKS_MAX }),
    sender: new EthereumSender(
      provider,
      policedSigner(config, { vault, distributor, escrow, registry, stakes }),
    ),
    contracts: new EthereumPayoutContracts(vault, distributor, params),
  };
}

/** Follows the chain and sends to it. */
export function chainPart({ host, config, store, chain }: Base): Part {
  const { CHAIN_DEPOSIT_TAG: depositTag, CHAIN_FINALITY_TAG: finalityTag } = config;
  const watch = new WatchChain(store, chain.reader, {
    startBlock: config.CHAIN_START_BLOCK,
    confirmations: config.CHAIN_CONFIRMATIONS,
    ...(depositTag === 'latest' ? {} : { tag: depositTag }),
  });
  const send = new SendTransactions(store, chain.sender, chain.reader, {
    finality: {
      blocks: config.CHAIN_FINALITY_BLOCKS,
      ...(finalityTag === 'depth' ? {} : { tag: finalityTag }),
    },
    replaceAfterMs: config.CHAIN_REPLACE_AFTER_MS,
    attemptsMax: FEE_RAISES_MAX,
    onPage: (purpose, reason) => host.log.error({ purpose, reason }, 'a transaction waits for an operator'),
  });
  chain.reader.onQuarantine((endpoint, trouble) =>
    host.log.warn({ endpoint, trouble }, 'an endpoint of the chain is not believed'),
  );
  const everyMs = config.CHAIN_POLL_MS;
  return {
    loops: [
      { name: 'watch chain', everyMs, work: () => watch.catchUp(() => host.clock.now()) },
      { name: 'send transactions', everyMs, work: () => send.pass(host.clock.now()) },
    ],
    start: () => checkChain(config, chain),
    stop: () => {
      for (const provider of [chain.provider, ...chain.witnesses]) provider.destroy();
    },
  };
}

/** Money must not move on the wrong chain or past the wrong contracts, so a mismatch stops the start. */
async function checkChain(config: SettlementConfig, chain: ConnectedChain): Promise<void> {
  for (const provider of [chain.provider, ...chain.witnesses]) {
    const actual = Number(await provider.send('eth_chainId', []));
    if (actual === config.CHAIN_ID) continue;
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
    `the signer's address is ${chain.sender.address}, the vault's operator is ${operator}`,
  );
}

/** What operators see of an endpoint: where it is, unless that may hold a key. */
function endpointName(config: SettlementConfig, index: number): string {
  const url = [config.CHAIN_RPC_URL, ...config.CHAIN_WITNESS_RPC_URLS][index] ?? '';
  return publicEndpoint(url, undefined) ?? `endpoint ${index + 1}`;
}
