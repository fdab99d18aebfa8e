import { PostgresEventLog } from '@openledger/event-log/postgres';
import { testDatabase } from '@openledger/testing';
import { eventLogContract } from '@openledger/testing/event-log-contract';

eventLogContract('postgres', async () => {
  const url = await testDatabase();
  return { prefix: 'postgres', patienceMs: 15_000, open: () => PostgresEventLog.open({ url }) };
});
