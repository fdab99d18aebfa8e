import { cachedPriceOf, DomainError, type Price, samePrice } from '@openledger/kernel';

/** One line of a model's price list; never changed once announced. */
export interface PriceVersion {
  readonly modelId: string;
  /** From 1, in the order of announcement. */
  readonly number: number;
  readonly price: Price;
  readonly effectiveAt: Date;
  readonly announcedAt: Date;
}

/** What a gateway told the payer, word for word. */
export interface ToldPrice {
  readonly promptWeiPerMillion: string;
  /** Absent or empty: that of the prompt. */
  readonly cachedPromptWeiPerMillion?: string;
  readonly completionWeiPerMillion: string;
}

/** No answer takes longer from its admission, when its payer is promised a price, until it is served. */
export const ADMITTED_WITHIN_MS = 3_600_000;

/** In the order in which they take effect; of two at the same time the one announced last is in force. */
function inOrder(versions: readonly PriceVersion[]): PriceVersion[] {
  return versions.toSorted(
    (a, b) => a.effectiveAt.getTime() - b.effectiveAt.getTime() || a.number - b.number,
  );
}

/**
 * The version in force at a time: the last that took effect until then, at its very millisecond included. The first one also
 * covers the time before it, because a model may answer before settlement hears of its deployment.
 */
export function versionAt(versions: readonly PriceVersion[], at: Date): PriceVersion | undefined {
  const ordered = inOrder(versions);
  return ordered.findLast(({ effectiveAt }) => effectiveAt <= at) ?? ordered[0];
}

/** The version that takes over from the one in force, and when; undefined while none is announced. */
export function versionAfter(versions: readonly PriceVersion[], at: Date): PriceVersion | undefined {
  const next = inOrder(versions).find(({ effectiveAt }) => effectiveAt > at);
  return next && versionAt(versions, next.effectiveAt);
}

/**
 * What an answer is charged by. Its payer was promised the price of its admission: the version that the gateway told counts
 * where it was in force at any time from {@link ADMITTED_WITHIN_MS} before the answer was served until then. Whatever else
 * was told, the version in force when it was served counts. Either way nobody pays a raise before its time.
 */
export function priceInForce(
  versions: readonly PriceVersion[],
  servedAt: Date,
  told?: ToldPrice,
): PriceVersion | undefined {
  const current = versionAt(versions, servedAt);
  if (!current || !told || isTold(current.price, told)) return current;
  const since = new Date(servedAt.getTime() - ADMITTED_WITHIN_MS);
  const atAdmission = versionAt(versions, since);
  const promised = inOrder(versions).findLast(
    (version) =>
      isTold(version.price, told) &&
      (version === atAdmission || (version.effectiveAt > since && version.effectiveAt <= servedAt)) &&
      // Of two that take effect together the first never was in force.
      versionAt(versions, version.effectiveAt) === version,
  );
  return promised ?? current;
}

const isTold = (price: Price, told: ToldPrice): boolean =>
  told.promptWeiPerMillion === price.promptWeiPerMillion.toString() &&
  (told.cachedPromptWeiPerMillion || told.promptWeiPerMillion) === cachedPriceOf(price).toString() &&
  told.completionWeiPerMillion === price.completionWeiPerMillion.toString();

/** Whether any class costs more by `next` than by `current`. */
export const raises = (current: Price, next: Price): boolean =>
  next.promptWeiPerMillion > current.promptWeiPerMillion ||
  cachedPriceOf(next) > cachedPriceOf(current) ||
  next.completionWeiPerMillion > current.completionWeiPerMillion;

/** How long before it takes effect a change must be announced. */
export interface PriceNotice {
  readonly raiseMs: number;
  /** Also how long a price that a gateway was told is good for: nothing else can come within this time. */
  readonly reductionMs: number;
}

export interface PriceWish {
  readonly price: Price;
  /** As soon as the notice allows where it is absent. */
  readonly effectiveAt?: Date;
}

const AHEAD_MAX_MS = 366 * 86_400_000;
/** Of a model's list, for ever. */
const VERSIONS_MAX = 1_000;

/**
 * Where and as what a wish enters the list: a version that says the same at the same time is answered again.
 *
 * @throws DomainError PRICE_INVALID, PRICE_NOTICE_TOO_SHORT, PRICE_TOO_FAR_AHEAD, PRICE_VERSIONS_TOO_MANY
 */
export function announce(
  versions: readonly PriceVersion[],
  wish: PriceWish,
  notice: PriceNotice,
  now: Date,
): { readonly known: PriceVersion } | { readonly effectiveAt: Date } {
  const { price } = wish;
  checkPrice(price);
  const effectiveAt = wish.effectiveAt ?? earliest(versions, price, notice, now);
  const before = versionAt(versions, effectiveAt);
  if (before?.effectiveAt.getTime() === effectiveAt.getTime() && samePrice(before.price, price)) {
    return { known: before };
  }
  if (effectiveAt.getTime() > now.getTime() + AHEAD_MAX_MS) {
    throw refusal('PRICE_TOO_FAR_AHEAD', 'a price can be announced at most a year ahead');
  }
  const noticeMs = before && !raises(before.price, price) ? notice.reductionMs : notice.raiseMs;
  const soonest = new Date(now.getTime() + noticeMs);
  if (effectiveAt < soonest) {
    throw new DomainError(
      'invalid',
      'PRICE_NOTICE_TOO_SHORT',
      `this change can take effect from ${soonest.toISOString()} on`,
      { details: { earliest: soonest.toISOString() } },
    );
  }
  if (versions.length >= VERSIONS_MAX) {
    throw refusal('PRICE_VERSIONS_TOO_MANY', `a price list has at most ${VERSIONS_MAX} versions`);
  }
  return { effectiveAt };
}

/** As a reduction if it still is one by then, and as a raise otherwise. */
function earliest(versions: readonly PriceVersion[], price: Price, notice: PriceNotice, now: Date): Date {
  const soon = new Date(now.getTime() + notice.reductionMs);
  const then = versionAt(versions, soon);
  return then && !raises(then.price, price) ? soon : new Date(now.getTime() + notice.raiseMs);
}

function checkPrice(price: Price): void {
  if (cachedPriceOf(price) <= price.promptWeiPerMillion) return;
  throw refusal('PRICE_INVALID', 'a cached prompt token may not cost more than another prompt token');
}

const refusal = (code: string, message: string): DomainError => new DomainError('invalid', code, message);

/** A price with all that is known of its future; times run from now on, so that nobody compares clocks. */
export interface PriceQuote {
  readonly price: Price;
  readonly next?: { readonly price: Price; readonly inMs: number };
  /** Nothing else takes effect within this time. */
  readonly goodForMs: number;
}

/** Undefined without a list. */
export function quote(
  versions: readonly PriceVersion[],
  notice: PriceNotice,
  now: Date,
): PriceQuote | undefined {
  const current = versionAt(versions, now);
  if (!current) return undefined;
  const next = versionAfter(versions, now);
  return {
    price: current.price,
    ...(next ? { next: { price: next.price, inMs: next.effectiveAt.getTime() - now.getTime() } } : {}),
    goodForMs: notice.reductionMs,
  };
}
