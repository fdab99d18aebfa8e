import process from 'node:process';
import { PostgresEventLog } from '@openledger/event-log/postgres';
import { inferenceGateway } from '@openledger/inference-gateway';
import { startService } from '@openledger/service-host';
import { KnownCallers } from '@openledger/testing';

/** A gateway in a process of its own, so that it can be killed; keys are organisation ids. Prints its port. */
const url = process.env.DATABASE_URL ?? '';
const gateway = await startService(inferenceGateway, {
  env: process.env,
  authenticator: new KnownCallers((key) => ({ organisationId: key, scopes: new Set(['inference:invoke']) })),
  eventLog: await PostgresEventLog.open({ url }),
});
process.stdout.write(`port ${gateway.httpPort}\n`);
