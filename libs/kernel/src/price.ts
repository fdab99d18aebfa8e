import { invariant } from './errors.js';

/** Wei of OPEN per million tokens of a class. */
export interface Price {
  readonly promptWeiPerMillion: bigint;
  /** Of prompt tokens that a worker still had; those without a price of their own cost what all prompt tokens do. */
  readonly cachedPromptWeiPerMillion?: bigint;
  readonly completionWeiPerMillion: bigint;
}

/** Tokens that were read and written. */
export interface TokenUsage {
  /** Cached ones among them. */
  readonly promptTokens: number;
  /** More than there are prompt tokens count as all of these. */
  readonly cachedTokens?: number;
  readonly completionTokens: number;
}

const MILLION = 1_000_000n;

/** What a prompt token that was cached costs. */
export const cachedPriceOf = (price: Price): bigint =>
  price.cachedPromptWeiPerMillion ?? price.promptWeiPerMillion;

/** Whether both charge every usage alike. */
export const samePrice = (a: Price, b: Price): boolean =>
  a.promptWeiPerMillion === b.promptWeiPerMillion &&
  cachedPriceOf(a) === cachedPriceOf(b) &&
  a.completionWeiPerMillion === b.completionWeiPerMillion;

/**
 * What an answer costs, in wei. All classes are summed before the one division, which floors in the payer's favour; an
 * answer that is not free never costs less than 1 wei, so each paid one leaves a trace. What is reserved without knowing
 * what will be cached covers the fee, because a cached token never costs more than another.
 */
export function feeOf(price: Price, usage: TokenUsage): bigint {
  const { promptWeiPerMillion, completionWeiPerMillion } = price;
  const { promptTokens, cachedTokens = 0, completionTokens } = usage;
  const cachedWeiPerMillion = cachedPriceOf(price);
  invariant(cachedWeiPerMillion >= 0n && completionWeiPerMillion >= 0n, 'a price is negative');
  invariant(cachedWeiPerMillion <= promptWeiPerMillion, 'a cached token costs more than another');
  invariant(promptTokens >= 0 && cachedTokens >= 0 && completionTokens >= 0, 'a token count is negative');
  const cached = Math.min(cachedTokens, promptTokens);
  const scaled =
    BigInt(promptTokens - cached) * promptWeiPerMillion +
    BigInt(cached) * cachedWeiPerMillion +
    BigInt(completionTokens) * completionWeiPerMillion;
  if (scaled === 0n) return 0n;
  const fee = scaled / MILLION;
  return fee === 0n ? 1n : fee;
}
