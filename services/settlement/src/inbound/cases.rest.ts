import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { DomainError, isId } from '@openledger/kernel';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { CompareEndpoints } from '../application/chain/compare-endpoints.js';
import type { OutgoingSummary } from '../application/chain/sending-ports.js';
import { SettlementStore } from '../application/ports.js';
import type { Case } from '../application/reconciliation/case-ports.js';
import type { Reconciliation } from '../application/reconciliation/reconcile-ports.js';
import { ResolveCase } from '../application/reconciliation/resolve-case.js';
import { SettlementView } from './settlement-view.js';

const CASES_PAGE = 100;
const TRANSACTIONS_PAGE = 100;
const REASON_CHARACTERS_MAX = 2_000;

const CasesPage = z.object({ limit: pageLimit(CASES_PAGE) });
const TransactionsPage = z.object({ limit: pageLimit(TRANSACTIONS_PAGE) });
const Resolution = z.strictObject({ reason: z.string().trim().min(1).max(REASON_CHARACTERS_MAX) });

/** What operators must see to: differences between chain and books, transactions, endpoints. */
@Controller('settlement')
@RequireScope('settlement:operate')
export class CasesController {
  constructor(
    @Inject(SettlementStore) private readonly store: SettlementStore,
    @Inject(ResolveCase) private readonly resolveCase: ResolveCase,
    @Inject(CompareEndpoints) private readonly endpoints: CompareEndpoints,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  /** Open ones first, and when chain and books were compared last. */
  @Get('cases')
  async list(@Query() query: unknown) {
    const { limit } = parse(CasesPage, query);
    const { cases, last } = await this.store.transaction(async (tx) => ({
      cases: await tx.cases.list(limit),
      last: await tx.reconciliations.last(),
    }));
    return { cases: cases.map(caseView), reconciled: last && reconciledView(last) };
  }

  /** What the case froze goes on. */
  @Post('cases/:id/resolve')
  @HttpCode(200)
  async resolve(@Param('id') id: string, @Body() body: unknown, @Caller() caller: Principal) {
    this.view.checkOperator(caller);
    if (!isId(id)) throw new DomainError('not-found', 'CASE_UNKNOWN', 'There is no such case.');
    const { reason } = parse(Resolution, body);
    return caseView(await this.resolveCase.run(id, caller.walletAddress, reason, this.view.now()));
  }

  /** Everything sent to the chain, newest first; `pagedAt` where it does not get on by itself. */
  @Get('transactions')
  async transactions(@Query() query: unknown) {
    const { limit } = parse(TransactionsPage, query);
    const found = await this.store.transaction((tx) => tx.chain.summaries(limit));
    return { transactions: found.map(transactionView) };
  }

  /** Endpoints of the chain, and which of them are not believed. */
  @Get('endpoints')
  health() {
    return { endpoints: this.endpoints.health() };
  }
}

const caseView = (found: Case) => ({
  id: found.id,
  freezes: found.freezes,
  code: found.code,
  subject: found.subject,
  expected: found.expected,
  actual: found.actual,
  blockNumber: found.blockNumber,
  openedAt: found.openedAt,
  resolved: found.resolved,
});

const reconciledView = (last: Reconciliation) => ({
  blockNumber: last.block,
  at: last.at,
  supplyWei: last.supplyWei.toString(),
  unsweptWei: last.unsweptWei.toString(),
  differences: last.differences,
});

const transactionView = (sent: OutgoingSummary) => ({
  purpose: sent.purpose,
  state: sent.state,
  nonce: sent.nonce,
  attempts: sent.attempts,
  maxFeeWei: sent.maxFeeWei?.toString(),
  transactionHash: sent.transactionHash,
  error: sent.error,
  pagedAt: sent.pagedAt,
});
