import { sqlMigration } from '@openledger/persistence';

export const CRASH_SCHEMA = 'crash';
export const CRASH_TOPIC = 'crash.counted.v1';
export const CRASH_KEYS = ['ada', 'bell', 'curie', 'dirac', 'euler', 'fermi'] as const;

/** No constraint keeps a second effect out: only the inbox does, and that is what is tested. */
export const CreateCrashTables = sqlMigration(
  'CreateCrashTables1700000000001',
  `
    CREATE TABLE counter (key text PRIMARY KEY, number int NOT NULL DEFAULT 0);
    CREATE TABLE effect (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      event_id uuid NOT NULL,
      key text NOT NULL,
      number int NOT NULL
    );
    CREATE TABLE repeated (event_id uuid NOT NULL);
  `,
);
