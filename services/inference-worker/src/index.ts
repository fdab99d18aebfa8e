import type { Service } from '@openledger/service-host';
import { compose } from './compose.js';

/** One base model in memory, many adapters over it, many requests in one batch. */
export const inferenceWorker: Service = { name: 'inference-worker', migrations: [], compose };
