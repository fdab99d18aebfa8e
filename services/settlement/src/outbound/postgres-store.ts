import { type Clock, systemClock } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import { SettlementStore, type SettlementTx } from '../application/ports.js';
import { PostgresBudgets } from './billing/postgres-billing-budgets.js';
import { PostgresFreeTiers } from './billing/postgres-billing-free-tiers.js';
import { PostgresPrices } from './billing/postgres-billing-prices.js';
import { PostgresRefunds } from './billing/postgres-billing-refunds.js';
import { PostgresChain } from './chain/postgres-chain.js';
import { PostgresChannels } from './channels/postgres-channels.js';
import { PostgresAnchors } from './epochs/postgres-anchors.js';
import { PostgresEpochs } from './epochs/postgres-epochs.js';
import { AccountKeys } from './ledger/account-keys.js';
import { PostgresLedger } from './ledger/postgres-ledger.js';
import { PostgresSeals } from './ledger/postgres-seals.js';
import { PostgresAnswers } from './metering/postgres-answers.js';
import { PostgresMetering } from './metering/postgres-metering.js';
import { PostgresLeases } from './prepaid/postgres-leases.js';
import { PostgresCases } from './reconciliation/postgres-cases.js';
import { PostgresReconciliations } from './reconciliation/postgres-reconciliations.js';
import { PostgresPolicies } from './split/postgres-policies.js';

/** Longest that a replica may work alone: calls to a chain take up to 30 s each. */
const EXCLUSIVE_MS_MAX = 900_000;

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

  onceAll(
    eventIds: readonly string[],
    work: (tx: SettlementTx, fresh: ReadonlySet<string>) => Promise<void>,
  ): Promise<number> {
    return this.database.onceAll('settlement', eventIds, (tx, fresh) => work(this.partsOf(tx), fresh));
  }

  /** Held by a transaction that does nothing else, so the lock ends with the connection, however that ends. */
  exclusively(name: string, work: () => Promise<void>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await tx.query(`SET LOCAL idle_in_transaction_session_timeout = ${EXCLUSIVE_MS_MAX}`);
      const [row] = await tx.query<{ held: boolean }>(
        'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
        [`settlement:${name}`],
      );
      if (row?.held !== true) return false;
      await work();
      return true;
    });
  }

  private partsOf(tx: Transaction): SettlementTx {
    return partsOf(tx, new PostgresLedger(tx, this.accountKeys, this.clock));
  }
}

const partsOf = (tx: Transaction, ledger: PostgresLedger): SettlementTx => ({
  ledger,
  seals: new PostgresSeals(tx),
  metering: new PostgresMetering(tx),
  answers: new PostgresAnswers(tx),
  leases: new PostgresLeases(tx),
  epochs: new PostgresEpochs(tx),
  chain: new PostgresChain(tx),
  cases: new PostgresCases(tx),
  channels: new PostgresChannels(tx),
  reconciliations: new PostgresReconciliations(tx),
  policies: new PostgresPolicies(tx),
  prices: new PostgresPrices(tx),
  freeTiers: new PostgresFreeTiers(tx),
  budgets: new PostgresBudgets(tx),
  refunds: new PostgresRefunds(tx),
  anchors: new PostgresAnchors(tx),
  emit: (event) => tx.emit(event),
  emitAll: (events) => tx.emitAll(events),
});
