import { z } from 'zod';

/** `?limit=`: how many items a page may have, and has when the caller does not say. */
export const pageLimit = (max: number, byDefault: number = max) =>
  z.coerce.number().int().min(1).max(max).default(byDefault);

/** `?from=` and the like: how many items come before the page. */
export const pageStart = z.coerce.number().int().min(0).default(0);
