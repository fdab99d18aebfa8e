import { DomainError } from '@openledger/kernel';
import { connect, PrepaidVault, RewardsDistributor } from '@openledger/onchain';
import { Wallet } from 'ethers';
import { SendTransactions } from './application/send-transactions.js';
import { WatchChain } from './application/watch-chain.js';
import type { SettlementConfig } from './config.js';
import { EthereumReader } from './outbound/ethereum-reader.js';
import { EthereumSender } from './outbound/ethereum-sender.js';
import { EthereumPayoutContracts } from './outbound/payout-contracts.js';
import type { Base, ConnectedChain, Part } from './part.js';

const FEE_RAISES_MAX = 8;

export function connectChain(config: SettlementConfig): ConnectedChain {
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

/** Follows the chain and sends to it. */
export function chainPart({ host, config, store, chain }: Base): Part {
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
  return {
    loops: [
      { name: 'watch chain', everyMs, work: () => watch.catchUp(() => host.clock.now()) },
      { name: 'send transactions', everyMs, work: () => send.pass(host.clock.now()) },
    ],
    start: () => checkChain(config, chain),
    stop: () => chain.provider.destroy(),
  };
}

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
