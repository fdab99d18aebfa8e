import type { Service } from '@openledger/service-host';
import { compose } from './accounts.module.js';
import { migrations } from './migrations.js';

/** Organisations, people, wallets and credentials. */
export const accounts: Service = { name: 'accounts', migrations, compose };
