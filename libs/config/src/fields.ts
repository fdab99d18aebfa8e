import { z } from 'zod';

export const milliseconds = z.coerce.number().int().positive();
export const count = z.coerce.number().int().positive();
export const port = z.coerce.number().int().min(0).max(65_535);
/** `host:port`, or several separated by commas. */
export const addresses = z.string().transform((list) => list.split(',').map((address) => address.trim()));
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
/** Of a wallet or a contract. */
export const chainAddress = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'an address: 0x and 40 hexadecimal digits');
/** A non-negative amount of wei as a decimal string. */
export const wei = z
  .string()
  .regex(/^\d{1,39}$/, 'a whole number of wei')
  .transform(BigInt);
