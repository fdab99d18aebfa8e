import type { TokenSpan } from './span-index.js';

/**
 * For each owner, the nats that the adapter added on tokens which stand word for word in his records.
 * What the base model says anyway is worth nothing, and a token that several owners hold is split
 * equally between them.
 *
 * @param gains log p(token | adapter) − log p(token | base), per token
 */
export function spanNats(
  spans: readonly TokenSpan[],
  gains: ArrayLike<number>,
  ownerOf: (record: number) => string,
): Map<string, number> {
  const nats = new Map<string, number>();
  for (const [token, owners] of ownersByToken(spans, ownerOf)) {
    const part = Math.max(0, gains[token] ?? 0) / owners.size;
    for (const owner of owners) nats.set(owner, (nats.get(owner) ?? 0) + part);
  }
  return nats;
}

function ownersByToken(spans: readonly TokenSpan[], ownerOf: (record: number) => string) {
  const owners = new Map<number, Set<string>>();
  for (const { start, end, records } of spans) {
    for (let token = start; token < end; token++) {
      const here = owners.get(token) ?? new Set();
      for (const record of records) here.add(ownerOf(record));
      owners.set(token, here);
    }
  }
  return owners;
}
