import { count } from '@openledger/config';
import { z } from 'zod';

const wallets = z
  .string()
  .default('')
  .transform((list) => list.split(',').map((address) => address.trim().toLowerCase()))
  .transform((list) => new Set(list.filter((address) => address !== '')));

export const AccountsConfig = z.object({
  /** Keys the digests of credentials: changing it ends all of them. */
  API_KEY_PEPPER: z.string().min(32),
  /** What wallets show to people who log in; a message for another site is refused. */
  SIWE_DOMAIN: z.string().min(1).default('localhost'),
  SIWE_URI: z.url().default('http://localhost/'),
  CHAIN_ID: count.default(31_337),
  /** Addresses, separated by commas, that may hold `settlement:operate`. */
  OPERATOR_WALLETS: wallets,
});
