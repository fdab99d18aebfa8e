import { type Clock, systemClock } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import { SettlementStore, type SettlementTx } from '../application/ports.js';
import { AccountKeys } from './account-keys.js';
import { PostgresPrices } from './postgres-billing-prices.js';
import { PostgresCases } from './postgres-cases.js';
import { PostgresChain } from './postgres-chain.js';
import { PostgresEpochs } from './postgres-epochs.js';
import { PostgresLeases } from './postgres-leases.js';
import { PostgresLedger } from './postgres-ledger.js';
import { PostgresMetering } from './postgres-metering.js';
import { PostgresPolicies } from './postgres-policies.js';

/** Settlement's schema in Postgres. */
export class PostgresSettlementStore extends SettlementStore {
  private readonly accountKeys = new AccountKeys();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock = systemClock,
  ) {
    super();
  }

  transaction<T>(work: (tx: SettlementTx) => Promise<T>): Promise<T> {
    return this.database.transaction((tx) => work(this.partsOf(tx)));
  }

  once(eventId: string, work: (tx: SettlementTx) => Promise<void>): Promise<boolean> {
    return this.database.once('settlement', eventId, (tx) => work(this.partsOf(tx)));
  }

  private partsOf(tx: Transaction): SettlementTx {
    return partsOf(tx, new PostgresLedger(tx, this.accountKeys, this.clock));
  }
}

const partsOf = (tx: Transaction, ledger: PostgresLedger): SettlementTx => ({
  ledger,
  metering: new PostgresMetering(tx),
  leases: new PostgresLeases(tx),
  epochs: new PostgresEpochs(tx),
  chain: new PostgresChain(tx),
  cases: new PostgresCases(tx),
  policies: new PostgresPolicies(tx),
  prices: new PostgresPrices(tx),
  emit: (event) => tx.emit(event),
});
