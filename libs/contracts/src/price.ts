import { cachedPriceOf, DomainError, type Price } from '@openledger/kernel';
import { toWei } from './wei.js';

/** A price as messages carry it: decimal strings, the cached class absent where it has no price of its own. */
export interface WirePrice {
  readonly promptWeiPerMillion: string;
  readonly completionWeiPerMillion: string;
  readonly cachedPromptWeiPerMillion?: string | undefined;
}

/** @throws DomainError EVENT_INCOMPLETE, PRICE_INVALID */
export function toPrice(wire: WirePrice): Price {
  const { cachedPromptWeiPerMillion: cached } = wire;
  const price: Price = {
    promptWeiPerMillion: toWei(wire.promptWeiPerMillion),
    completionWeiPerMillion: toWei(wire.completionWeiPerMillion),
    ...(cached === undefined || cached === '' ? {} : { cachedPromptWeiPerMillion: toWei(cached) }),
  };
  if (cachedPriceOf(price) <= price.promptWeiPerMillion) return price;
  throw new DomainError(
    'invalid',
    'PRICE_INVALID',
    'a cached prompt token may not cost more than another prompt token',
  );
}

export function fromPrice(price: Price) {
  const { cachedPromptWeiPerMillion: cached } = price;
  return {
    promptWeiPerMillion: price.promptWeiPerMillion.toString(),
    ...(cached === undefined ? {} : { cachedPromptWeiPerMillion: cached.toString() }),
    completionWeiPerMillion: price.completionWeiPerMillion.toString(),
  };
}
