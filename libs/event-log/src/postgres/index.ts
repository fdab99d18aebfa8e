export { PostgresEventLog, type PostgresEventLogOptions } from './postgres-event-log.js';
export { PostgresParkingLot, type PostgresParkingLotOptions } from './postgres-parking-lot.js';
export { lockStatements, logStatements, lotStatements } from './statements.js';
