import { CHAIN_VAULT, payer, reorgDebt, VAULT_MISSING } from '../../domain/ledger/accounts.js';
import { pairUp, type Side } from '../../domain/ledger/pairing.js';
import { availableOf, lesser } from '../../domain/ledger/standing.js';
import { single } from '../../domain/ledger/transfer.js';
import type { SettlementTx } from '../ports.js';

/** What a movement is for; its transfers are named by both. */
export interface Cause {
  readonly reason: string;
  readonly reference: string;
}

/** OPEN came into the vault: fills first what a reorg left it short of. */
export async function intoVault(tx: SettlementTx, amountWei: bigint): Promise<Side[]> {
  const { creditsPostedWei, debitsPostedWei } = await tx.ledger.lock(VAULT_MISSING);
  const filledWei = lesser(creditsPostedWei - debitsPostedWei, amountWei);
  return [
    { account: VAULT_MISSING, amountWei: filledWei },
    { account: CHAIN_VAULT, amountWei: amountWei - filledWei },
  ];
}

/**
 * OPEN was not in the vault after all. What left it meanwhile, for payouts that will be mined again, it is short of
 * until the deposit is back.
 */
export async function outOfVault(tx: SettlementTx, amountWei: bigint): Promise<Side[]> {
  const standing = await tx.ledger.lock(CHAIN_VAULT);
  const heldWei = standing.debitsPostedWei - standing.creditsPostedWei - standing.creditsPendingWei;
  const takenWei = lesser(heldWei, amountWei);
  return [
    { account: CHAIN_VAULT, amountWei: takenWei },
    { account: VAULT_MISSING, amountWei: amountWei - takenWei },
  ];
}

/** Covers first what the organisation owes from money that the chain took back. */
export async function toPayer(tx: SettlementTx, organisationId: string, amountWei: bigint): Promise<Side[]> {
  const debt = reorgDebt(organisationId);
  const standing = await tx.ledger.lock(debt);
  const coveredWei = lesser(standing.debitsPostedWei - standing.creditsPostedWei, amountWei);
  return [
    { account: debt, amountWei: coveredWei },
    { account: payer(organisationId), amountWei: amountWei - coveredWei },
  ];
}

/** Takes back what is left; what was spent already becomes a debt of the organisation. */
export async function fromPayer(
  tx: SettlementTx,
  organisationId: string,
  amountWei: bigint,
): Promise<Side[]> {
  const account = payer(organisationId);
  const takenWei = lesser(availableOf(await tx.ledger.lock(account)), amountWei);
  return [
    { account, amountWei: takenWei },
    { account: reorgDebt(organisationId), amountWei: amountWei - takenWei },
  ];
}

export async function move(
  tx: SettlementTx,
  debits: readonly Side[],
  credits: readonly Side[],
  cause: Cause,
): Promise<void> {
  await tx.ledger.post(pairUp(debits, credits).map((pair) => single({ ...pair, ...cause })));
}
