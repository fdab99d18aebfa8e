import type { MigrationClass } from '@openledger/persistence';
import { CreateChain } from './chain.js';
import { CreateLeases, IndexEndedLeases } from './leases.js';
import { CreateLedger } from './ledger.js';
import { CreateMetering } from './metering.js';

/** In the order of their numbers. */
export const migrations: readonly MigrationClass[] = [
  CreateLedger,
  CreateMetering,
  CreateChain,
  CreateLeases,
  IndexEndedLeases,
];
