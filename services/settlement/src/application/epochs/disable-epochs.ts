import { wallet } from '../../domain/ledger/accounts.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementTx } from '../ports.js';
import { accrualAccount, epochReference, paymentPages } from './close-epoch.js';
import type { Epoch } from './epoch-ports.js';

/**
 * The chain disabled the roots from `first` on, and with them what we were about to post on top. Their payments go back to
 * what the payees accrued, where they can be corrected; the next epoch to be closed has the number `first` again. Nobody can
 * have claimed from them: only roots that do not pay yet can be disabled.
 */
export async function disableEpochs(tx: SettlementTx, first: number): Promise<void> {
  const ledgerEpoch = await tx.epochs.open();
  await tx.epochs.lock();
  for (const epoch of await tx.epochs.from(first)) await disable(tx, epoch, ledgerEpoch);
  await tx.epochs.dropStale();
}

async function disable(tx: SettlementTx, epoch: Epoch, ledgerEpoch: number): Promise<void> {
  await tx.epochs.disable(epoch);
  for await (const page of paymentPages(tx, epoch)) {
    await tx.ledger.post(
      page.map((payment) =>
        single({
          debit: wallet(payment.wallet),
          credit: accrualAccount(payment),
          amountWei: payment.amountWei,
          reason: 'epoch-disabled',
          reference: epochReference(epoch),
        }),
      ),
    );
  }
  await tx.epochs.undoPayments(epoch, ledgerEpoch);
}
