import type { Service } from '@openledger/service-host';
import { migrations } from './migrations.js';
import { composeValidation } from './validation.module.js';

/** Accepts, quarantines or rejects contributions, with reasons, and tells which accounts are one party. */
export const validation: Service = { name: 'validation', migrations, compose: composeValidation };
