import { STAKERS, STAKERS_PROMISED } from '../../domain/ledger/accounts.js';
import { availableOf } from '../../domain/ledger/standing.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementTx } from '../ports.js';
import type { ContractCall, EpochRevision } from './epoch-ports.js';

/** Where stakers are paid, without sending anything. */
export abstract class StakerPayout {
  /** Whether the vault may send there, and somebody stakes. */
  abstract ready(): Promise<boolean>;
  abstract fund(amountWei: bigint): ContractCall;
  /** Shares what was sent; anybody may do it, and whoever comes first does it for all. */
  abstract notify(): ContractCall;
}

/** Purposes of the two transactions that bring stakers their part. */
export interface StakerPurposes {
  readonly fund: string;
  readonly notify: string;
  readonly reference: string;
}

/** Queues what stakers accrued for the registry, as far as the vault has it beside what the root needs. */
export async function payStakers(
  tx: SettlementTx,
  { epoch }: EpochRevision,
  purposes: StakerPurposes,
  { payout, roomWei }: { readonly payout: StakerPayout; readonly roomWei: bigint },
): Promise<void> {
  const amountWei = availableOf(await tx.ledger.lock(STAKERS));
  if (amountWei === 0n || amountWei > roomWei) return;
  const { reference } = purposes;
  await tx.ledger.post([
    single({ debit: STAKERS, credit: STAKERS_PROMISED, amountWei, reason: 'epoch', reference }),
  ]);
  await tx.epochs.saveFunding(purposes.fund, epoch, amountWei);
  await tx.chain.enqueue({ purpose: purposes.fund, call: payout.fund(amountWei) });
  await tx.chain.enqueue({ purpose: purposes.notify, call: payout.notify() });
}
