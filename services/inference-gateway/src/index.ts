import type { Service } from '@openledger/service-host';
import { compose } from './compose.js';
import { migrations } from './migrations.js';

/** OpenAI-compatible REST and gRPC in front of the workers; bills and receipts every answer. */
export const inferenceGateway: Service = { name: 'inference-gateway', migrations, compose };
