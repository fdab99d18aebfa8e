/** What a transaction of ours is for, as the first part of its purpose: `root:42`, `channels:0190…`. */
export const CHANNELS_PURPOSE = 'channels';
export const SETTLE_PURPOSE = 'settle';
export const ANCHOR_PURPOSE = 'anchor';
/** Sends stakers their part, and shares it among them. */
export const STAKERS_PURPOSE = 'stakers';
export const NOTIFY_PURPOSE = 'notify';
/** Spends a nonce on nothing. */
const GAP_PURPOSE = 'gap';

export const gapPurpose = (signer: string, nonce: number): string =>
  `${GAP_PURPOSE}:${signer.toLowerCase()}:${nonce}`;

export const kindOf = (purpose: string): string => purpose.split(':')[0] ?? '';

export const isGap = (purpose: string): boolean => kindOf(purpose) === GAP_PURPOSE;

/** What the books learn by the contracts' own events, or not at all. */
export const NO_EFFECT: ReadonlySet<string> = new Set([
  CHANNELS_PURPOSE,
  SETTLE_PURPOSE,
  ANCHOR_PURPOSE,
  NOTIFY_PURPOSE,
  GAP_PURPOSE,
]);

/** The cases that keep a transaction from being signed: money may always come in, whatever else we send pays somebody. */
export const frozenBy = (purpose: string): 'payouts' | undefined =>
  NO_EFFECT.has(kindOf(purpose)) ? undefined : 'payouts';
