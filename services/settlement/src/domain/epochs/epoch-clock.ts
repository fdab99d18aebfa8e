/** How long epochs are. */
export interface EpochLengths {
  readonly ledgerMs: number;
  /** Ledger epochs in a chain epoch. */
  readonly ledgersOfChain: number;
}

export const later = (a: Date, b: Date): Date => (a > b ? a : b);

/**
 * Whether one length has passed. A clock that jumps ahead ends one epoch, however far it jumps; one that was set back counts
 * anew from where it is, so that an epoch is neither negative nor as long as the clock was wrong.
 */
export function lengthOver(
  countedFrom: Date | undefined,
  now: Date,
  lengthMs: number,
): { readonly over: boolean; readonly countedFrom: Date } {
  if (countedFrom === undefined || now < countedFrom) return { over: false, countedFrom: now };
  return { over: now.getTime() - countedFrom.getTime() >= lengthMs, countedFrom };
}
