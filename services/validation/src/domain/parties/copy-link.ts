/** When one contributor's records count as another's. */
export interface LinkRule {
  /** Copies needed at least: a few may be chance. */
  readonly copiesMin: number;
  /** Share of the records sent that must be copies, in parts per hundred. */
  readonly sharePercentMin: number;
}

export interface CopyTotals {
  readonly copies: number;
  readonly exactCopies: number;
  /** Records sent, whatever became of them. */
  readonly records: number;
}

/** What one copier took from one owner: in the contribution at hand, and in all of them so far. */
export interface CopyCase {
  readonly copierId: string;
  readonly ownerId: string;
  readonly now: CopyTotals;
  readonly ever: CopyTotals;
}

const substantial = ({ copies, records }: CopyTotals, rule: LinkRule): boolean =>
  copies >= rule.copiesMin && copies * 100 >= rule.sharePercentMin * records;

/** Whoever hides copies in a few large contributions, or spreads them over many small ones, is linked alike. */
export const isLinked = (found: CopyCase, rule: LinkRule): boolean =>
  substantial(found.now, rule) || substantial(found.ever, rule);

/** For people; the contributors are named by id because names are not this service's. */
export function linkReason({ copierId, ownerId, now, ever }: CopyCase, rule: LinkRule): string {
  const { copies, exactCopies, records } = substantial(now, rule) ? now : ever;
  const kind = exactCopies === copies ? 'exact copies' : 'near-copies';
  return `${copies} of ${records} records of ${copierId} are ${kind} of ${ownerId}'s`;
}
