import { WriteStatement } from './application/statements/write-statement.js';
import { StatementsController } from './inbound/statements.rest.js';
import { PostgresLedgerQueries } from './outbound/ledger/postgres-ledger-queries.js';
import { PostgresStatements } from './outbound/statements/postgres-statements.js';
import type { Base, Part } from './part.js';

/** Monthly statements. */
export function statementsPart({ host }: Base): Part {
  const statements = new WriteStatement(
    new PostgresLedgerQueries(host.database),
    new PostgresStatements(host.database),
    host.clock,
  );
  return {
    controllers: [StatementsController],
    providers: [{ provide: WriteStatement, useValue: statements }],
  };
}
