import { nextAfter, pageLimit } from '@openledger/service-host';
import { z } from 'zod';

/** `?after=<id of the last item seen>&limit=…` */
export const PageQuery = z.strictObject({
  after: z.uuid().optional(),
  limit: pageLimit(100, 50),
});

/** `next` is what to send as `after`; null at the end. */
export const page = <T, S>(
  items: readonly T[],
  limit: number,
  show: (item: T) => S,
  idOf: (item: T) => string,
) => ({ items: items.map(show), next: nextAfter(items, limit, idOf) });
