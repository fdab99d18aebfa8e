import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { nextAfter, pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { BillingQueries } from '../application/billing/billing-queries.js';
import { RefundAnswer } from '../application/billing/refund-answer.js';
import {
  type CreditNote,
  creditNoteHash,
  creditNoteName,
  creditNoteText,
  REFUND_REASONS,
} from '../domain/billing/refund.js';
import { positiveWei } from './amounts.js';
import { SettlementView } from './settlement-view.js';

const NOTE_CHARACTERS_MAX = 500;
const REQUEST_ID_CHARACTERS_MAX = 200;
const CREDIT_NOTES_PAGE = 100;

const NewRefund = z.strictObject({
  id: z.uuid().toLowerCase(),
  requestId: z.string().min(1).max(REQUEST_ID_CHARACTERS_MAX),
  amountWei: positiveWei.optional(),
  reason: z.enum(REFUND_REASONS),
  note: z.string().max(NOTE_CHARACTERS_MAX).default(''),
});
const CreditNotesPage = z.object({
  before: z
    .string()
    .regex(/^CN-\d{4}-\d{6,9}$/, 'the name of a credit note')
    .transform((name) => {
      const [, year, number] = name.split('-').map(Number);
      return { year: year ?? 0, number: number ?? 0 };
    })
    .optional(),
  limit: pageLimit(CREDIT_NOTES_PAGE),
});

/** What is given back, and the documents about it. Amounts are decimal strings of wei. */
@Controller('settlement')
export class RefundsController {
  constructor(
    @Inject(BillingQueries) private readonly queries: BillingQueries,
    @Inject(RefundAnswer) private readonly refundAnswer: RefundAnswer,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  @Post('refunds')
  @HttpCode(200)
  @RequireScope('settlement:operate')
  async refund(@Body() body: unknown, @Caller() caller: Principal) {
    this.view.checkOperator(caller);
    const { amountWei, ...request } = parse(NewRefund, body);
    const asked = { ...request, ...(amountWei === undefined ? {} : { amountWei }) };
    return creditNoteView(await this.refundAnswer.run(asked, caller.personId, this.view.now()));
  }

  /** Of the caller's organisation, newest first; `before` is the name of one. */
  @Get('credit-notes')
  @RequireScope('balance:read')
  async creditNotes(@Query() query: unknown, @Caller() caller: Principal) {
    const { before, limit } = parse(CreditNotesPage, query);
    const notes = await this.queries.creditNotes(organisationOf(caller), before, limit);
    return { creditNotes: notes.map(creditNoteView), nextBefore: nextAfter(notes, limit, creditNoteName) };
  }
}

const creditNoteView = (note: CreditNote) => ({ ...creditNoteText(note), sha256: creditNoteHash(note) });
