/** Where an account stands, in wei. */
export interface Standing {
  readonly debitsPendingWei: bigint;
  readonly debitsPostedWei: bigint;
  readonly creditsPendingWei: bigint;
  readonly creditsPostedWei: bigint;
}

/** What a liability account can still spend: holds count as spent. */
export const availableOf = (standing: Standing): bigint =>
  standing.creditsPostedWei - standing.debitsPostedWei - standing.debitsPendingWei;

/** What holds have set aside of a liability account. */
export const setAsideOf = (standing: Standing): bigint => standing.debitsPendingWei;

/** Math.min for amounts, which it does not take. */
export function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** Math.max for amounts. */
export function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}
