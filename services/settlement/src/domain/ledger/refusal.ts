import { DomainError } from '@openledger/kernel';
import type { TransferResult } from './transfer-result.js';

/** A refused transfer as an error, for use cases in which it takes everything else with it. */
export function refusalOf({ id, code, firstRefusal }: TransferResult): DomainError {
  if (code === 'insufficient') {
    const message = 'the balance is too low for this transfer';
    return new DomainError('payment-required', 'INSUFFICIENT_BALANCE', message, { details: { id } });
  }
  if (code.startsWith('exists_with_different_')) {
    const message = `transfer ${id} exists with other content`;
    return new DomainError('conflict', 'TRANSFER_ID_REUSED', message, { details: { id, difference: code } });
  }
  if (code === 'id_already_rejected') {
    const message = `transfer ${id} was refused before; use a new id`;
    const details = { id, firstRefusal: firstRefusal ?? '' };
    return new DomainError('conflict', 'TRANSFER_ID_REJECTED', message, { details });
  }
  const message = `transfer ${id} is refused: ${code.replaceAll('_', ' ')}`;
  return new DomainError('conflict', `TRANSFER_${code.toUpperCase()}`, message, { details: { id } });
}
