import { z } from 'zod';

/** `?limit=`: how many items a page may have, and has when the caller does not say. */
export const pageLimit = (max: number, byDefault: number = max) =>
  z.coerce.number().int().min(1).max(max).default(byDefault);

/** `?from=` and the like: how many items come before the page. */
export const pageStart = z.coerce.number().int().min(0).default(0);

/** What to send as `after` for the next page: the cursor of the last item, and null after the last page. */
export function nextAfter<T>(
  items: readonly T[],
  limit: number,
  cursorOf: (item: T) => string,
): string | null {
  const last = items.length < limit ? undefined : items.at(-1);
  return last === undefined ? null : cursorOf(last);
}
