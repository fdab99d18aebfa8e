import type { Service } from '@openledger/service-host';
import { compose } from './ingestion.module.js';
import { migrations } from './migrations.js';

/** Datanets and the contributions to them. */
export const ingestion: Service = { name: 'ingestion', migrations, compose };
