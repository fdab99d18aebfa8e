/** Why content can never become a transfer, whatever the books say. Nothing of it is recorded. */
export type MalformedCode =
  | 'id_invalid'
  | 'kind_invalid'
  | 'amount_not_whole'
  | 'amount_not_positive'
  | 'amount_too_large'
  | 'accounts_equal'
  | 'account_invalid'
  | 'pending_id_missing'
  | 'pending_id_unexpected'
  | 'expiry_unexpected'
  | 'text_too_long';

/** Why the books refused a transfer. Recorded under its id, which from then on stays refused. */
export type RefusalCode =
  | 'insufficient'
  | 'overcredited'
  | 'balance_too_large'
  | 'account_has_other_kind'
  | 'pending_unknown'
  | 'pending_not_pending'
  | 'pending_has_other_accounts'
  | 'pending_already_resolved'
  | 'pending_expired'
  | 'exceeds_pending'
  | 'linked_refused';

/** The id stands for other content; the first difference is named. */
export type DifferenceCode = `exists_with_different_${
  | 'kind'
  | 'debit'
  | 'credit'
  | 'amount'
  | 'pending_id'
  | 'expiry'
  | 'reason'
  | 'reference'}`;

export type TransferCode =
  | 'created'
  | 'exists'
  | DifferenceCode
  | 'id_already_rejected'
  | RefusalCode
  | MalformedCode;

/** What became of one transfer of a batch. */
export interface TransferResult {
  readonly id: string;
  readonly code: TransferCode;
  /** With `id_already_rejected`: what it was refused for then. */
  readonly firstRefusal?: RefusalCode;
}

/** The money is where the transfer says. */
export const isDone = ({ code }: TransferResult): boolean => code === 'created' || code === 'exists';
