import { z } from 'zod';

/** Amounts in bodies: decimal strings, because a JSON number holds no wei. */
export const weiText = z
  .string()
  .regex(/^(0|[1-9]\d{0,38})$/, 'a whole number of wei, not negative, as a string')
  .transform(BigInt);
export const positiveWei = weiText.refine((wei) => wei > 0n, 'a whole number of wei above 0, as a string');
