export { Database, type DatabaseOptions } from './database.js';
export type { OutgoingEvent } from './events.js';
export { type MigrationClass, sqlMigration } from './migration.js';
export { type Row, Transaction } from './transaction.js';
