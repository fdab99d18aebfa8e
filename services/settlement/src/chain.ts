// What follows the chain and sends to it, without the service around it: for measurements.
export type { ChainEvent } from './application/chain/chain-events.js';
export { ChainReader, type SeenLog } from './application/chain/chain-ports.js';
export { SendTransactions } from './application/chain/send-transactions.js';
export {
  type BroadcastAnswer,
  type FreshAttempt,
  type MinedTransaction,
  type SigningContext,
  TransactionSender,
} from './application/chain/sending-ports.js';
export { WatchChain } from './application/chain/watch-chain.js';
export { type Account, CHAIN_DISTRIBUTOR, payer, wallet } from './domain/ledger/accounts.js';
export { single } from './domain/ledger/transfer.js';
export { migrations } from './migrations/index.js';
export { PostgresSettlementStore } from './outbound/postgres-store.js';
