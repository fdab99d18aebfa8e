import { payer, reorgDebt } from '../domain/accounts.js';
import { availableOf, lesser } from '../domain/standing.js';
import { single, type TransferRequest } from '../domain/transfer.js';
import type { SettlementTx } from './ports.js';

/** Covers first what the organisation owes from money that the chain took back. */
export async function creditPayer(
  tx: SettlementTx,
  organisationId: string,
  request: Omit<TransferRequest, 'credit'>,
): Promise<void> {
  const debt = reorgDebt(organisationId);
  const standing = await tx.ledger.lock(debt);
  const owedWei = standing.debitsPostedWei - standing.creditsPostedWei;
  const coveredWei = lesser(owedWei, request.amountWei);
  await tx.ledger.post(
    [
      single({ ...request, credit: debt, amountWei: coveredWei }),
      single({ ...request, credit: payer(organisationId), amountWei: request.amountWei - coveredWei }),
    ].filter((transfer) => transfer.amountWei > 0n),
  );
}

/** Takes back what is left; what was spent already becomes a debt of the organisation. */
export async function debitPayer(
  tx: SettlementTx,
  organisationId: string,
  request: Omit<TransferRequest, 'debit'>,
): Promise<void> {
  const account = payer(organisationId);
  const takenWei = lesser(availableOf(await tx.ledger.lock(account)), request.amountWei);
  await tx.ledger.post(
    [
      single({ ...request, debit: account, amountWei: takenWei }),
      single({ ...request, debit: reorgDebt(organisationId), amountWei: request.amountWei - takenWei }),
    ].filter((transfer) => transfer.amountWei > 0n),
  );
}
