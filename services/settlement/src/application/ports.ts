import type { EncodedEvent } from '@openledger/contracts';
import type { Account } from '../domain/ledger/accounts.js';
import type { Standing } from '../domain/ledger/standing.js';
import type { Transfer } from '../domain/ledger/transfer.js';
import type { TransferResult } from '../domain/ledger/transfer-result.js';
import type { BudgetLedger, FreeTierLedger, PriceLedger, RefundLedger } from './billing/billing-ports.js';
import type { ChainLedger } from './chain/chain-ports.js';
import type { ChannelBook } from './channels/channel-ports.js';
import type { AnchorBook } from './epochs/anchor-ports.js';
import type { EpochLedger } from './epochs/epoch-ports.js';
import type { Seals } from './ledger/seal-ports.js';
import type { Answers } from './metering/answer-ports.js';
import type { Metering } from './metering/metering-ports.js';
import type { LeaseLedger } from './prepaid/lease-ports.js';
import type { CaseBook } from './reconciliation/case-ports.js';
import type { ReconciliationBook } from './reconciliation/reconcile-ports.js';
import type { Policies } from './split/policy-ports.js';

/** The double-entry books. */
export interface Ledger {
  /**
   * Submits at most 10,000 transfers and answers for each, in their order; one that is refused keeps nobody else's from
   * happening, unless they are of one group. Refusals by the books are recorded: the id stays refused.
   * @throws DomainError LEDGER_BATCH_TOO_LARGE
   */
  submit(transfers: readonly Transfer[]): Promise<TransferResult[]>;
  /**
   * Posts all or nothing, and records no refusals. A transfer whose id is known already changes nothing.
   * @throws DomainError INSUFFICIENT_BALANCE, TRANSFER_ID_REUSED, TRANSFER_ID_REJECTED, TRANSFER_…
   */
  post(transfers: readonly Transfer[]): Promise<void>;
  /** Locks the account until commit, so that what is read stays true. */
  lock(account: Account): Promise<Standing>;
  /** Locks many in the one order that all batches use; answers in the order given. */
  lockAll(accounts: readonly Account[]): Promise<Standing[]>;
  /** Pending transfers that nobody resolved and whose time ran out; the oldest first. */
  expired(limit: number): Promise<Transfer[]>;
}

/** What a use case may do inside one database transaction. */
export interface SettlementTx {
  readonly ledger: Ledger;
  readonly seals: Seals;
  readonly metering: Metering;
  readonly answers: Answers;
  readonly leases: LeaseLedger;
  readonly epochs: EpochLedger;
  readonly chain: ChainLedger;
  readonly cases: CaseBook;
  readonly channels: ChannelBook;
  readonly reconciliations: ReconciliationBook;
  readonly policies: Policies;
  readonly prices: PriceLedger;
  readonly freeTiers: FreeTierLedger;
  readonly budgets: BudgetLedger;
  readonly refunds: RefundLedger;
  readonly anchors: AnchorBook;
  /** Queues an event that is published if, and only if, the transaction commits. */
  emit(event: EncodedEvent): Promise<void>;
  /** As {@link emit}, in one go; the events keep the order given. */
  emitAll(events: readonly EncodedEvent[]): Promise<void>;
}

export abstract class SettlementStore {
  /** `work` may be run again after a deadlock, so it must have no effects outside the transaction. */
  abstract transaction<T>(work: (tx: SettlementTx) => Promise<T>): Promise<T>;
  /** Runs `work` once per event id; false, having done nothing, when it was handled before. */
  abstract once(eventId: string, work: (tx: SettlementTx) => Promise<void>): Promise<boolean>;
  /**
   * Runs `work` with those of the event ids that are new, and records them with what it did, or not at all. It runs where
   * none is new, too, because a known id may come with other content. Answers how many were new.
   */
  abstract onceAll(
    eventIds: readonly string[],
    work: (tx: SettlementTx, fresh: ReadonlySet<string>) => Promise<void>,
  ): Promise<number>;
  /** Runs `work` while no other replica does work of this name; false, having done nothing, where one does. */
  abstract exclusively(name: string, work: () => Promise<void>): Promise<boolean>;
}
