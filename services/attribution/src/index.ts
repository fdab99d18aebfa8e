import type { Service } from '@openledger/service-host';
import { compose } from './compose.js';
import { migrations } from './migrations.js';

export const attribution: Service = { name: 'attribution', migrations, compose };
