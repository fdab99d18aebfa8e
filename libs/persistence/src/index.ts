export { Database, type DatabaseOptions, type DatabaseTimeouts } from './database.js';
export type { OutgoingEvent } from './events.js';
export { type MigrationClass, sqlMigration } from './migration.js';
export { ROW_LEASE_TABLE, RowLease } from './row-lease.js';
export { type Row, Transaction } from './transaction.js';
