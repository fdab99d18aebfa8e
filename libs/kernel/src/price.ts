import { invariant } from './errors.js';

/** Wei of OPEN per million tokens. */
export interface Price {
  readonly promptWeiPerMillion: bigint;
  readonly completionWeiPerMillion: bigint;
}

/** Tokens that were read and written. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

const MILLION = 1_000_000n;

/**
 * What an answer costs, in wei. Prompt and completion are summed before the one division, which floors in the
 * payer's favour; a model that has a price never costs less than 1 wei, so each paid answer leaves a trace.
 */
export function feeOf(price: Price, usage: TokenUsage): bigint {
  invariant(price.promptWeiPerMillion >= 0n && price.completionWeiPerMillion >= 0n, 'a price is negative');
  invariant(usage.promptTokens >= 0 && usage.completionTokens >= 0, 'a token count is negative');
  const scaled =
    BigInt(usage.promptTokens) * price.promptWeiPerMillion +
    BigInt(usage.completionTokens) * price.completionWeiPerMillion;
  if (scaled === 0n) return 0n;
  const fee = scaled / MILLION;
  return fee === 0n ? 1n : fee;
}
