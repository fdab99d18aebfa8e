import type { ServerResponse } from 'node:http';
import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import { Authenticated, Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { WriteStatement } from '../application/statements/write-statement.js';
import { type Statement, statementCsv, statementHtml } from '../domain/statements/statement.js';

const Month = z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'a month, YYYY-MM');
const Format = z.object({ format: z.enum(['json', 'csv', 'html']).default('json') });

/** Statements of a month: of prepaid money, and of earnings. */
@Controller('settlement/statements')
export class StatementsController {
  constructor(@Inject(WriteStatement) private readonly statements: WriteStatement) {}

  @Get('prepaid/:month')
  @RequireScope('balance:read')
  async prepaid(
    @Param('month') month: string,
    @Query() query: unknown,
    @Caller() caller: Principal,
    @Res() response: ServerResponse,
  ) {
    const { format } = parse(Format, query);
    send(response, format, await this.statements.prepaid(organisationOf(caller), parse(Month, month)));
  }

  /** The caller's own: the organisation's where he acts for one. */
  @Get('earnings/:month')
  @Authenticated()
  async earnings(
    @Param('month') month: string,
    @Query() query: unknown,
    @Caller() caller: Principal,
    @Res() response: ServerResponse,
  ) {
    const { format } = parse(Format, query);
    const payeeId = caller.organisationId ?? caller.personId;
    send(response, format, await this.statements.earnings(payeeId, parse(Month, month)));
  }
}

function send(response: ServerResponse, format: 'json' | 'csv' | 'html', statement: Statement): void {
  const { type, body } = bodies[format](statement);
  response.setHeader('content-type', `${type}; charset=utf-8`);
  if (format === 'csv') {
    const name = `openledger-${statement.account}-${statement.month}.csv`;
    response.setHeader('content-disposition', `attachment; filename="${name}"`);
  }
  // The page needs nothing but its own styles.
  if (format === 'html') {
    response.setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
  }
  response.end(body);
}

const bodies = {
  json: (statement: Statement) => ({ type: 'application/json', body: JSON.stringify(view(statement)) }),
  csv: (statement: Statement) => ({ type: 'text/csv', body: statementCsv(statement) }),
  html: (statement: Statement) => ({ type: 'text/html', body: statementHtml(statement) }),
};

const view = (statement: Statement) => ({
  ...statement,
  openingWei: statement.openingWei.toString(),
  closingWei: statement.closingWei.toString(),
  lines: statement.lines.map((line) => ({ ...line, amountWei: line.amountWei.toString() })),
});
