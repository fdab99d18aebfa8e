import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { Authenticated, Caller, type Principal, Public, RequireScope } from '@openledger/auth';
import { chainAddress } from '@openledger/config';
import { DomainError } from '@openledger/kernel';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { CloseEpoch } from '../application/epochs/close-epoch.js';
import type { Receipt } from '../application/queries.js';
import { SettlementQueries } from '../application/queries.js';
import { SettlementView } from './settlement-view.js';

const EPOCHS_PAGE = 100;
const DISCREPANCIES_PAGE = 100;
const EpochsPage = z.object({
  before: z.coerce
    .number()
    .int()
    .positive()
    .default(2 ** 31 - 1),
  limit: pageLimit(EPOCHS_PAGE),
});

const DiscrepanciesPage = z.object({ limit: pageLimit(DISCREPANCIES_PAGE) });

/** Receipts, epochs and claims. Amounts are decimal strings of wei. */
@Controller('settlement')
export class SettlementController {
  constructor(
    @Inject(SettlementQueries) private readonly queries: SettlementQueries,
    @Inject(CloseEpoch) private readonly closeEpoch: CloseEpoch,
    @Inject(SettlementView) private readonly view: SettlementView,
  ) {}

  /** For who paid and for who is paid; to everybody else the receipt does not exist. */
  @Get('receipts/:requestId')
  @Authenticated()
  async receipt(@Param('requestId') requestId: string, @Caller() caller: Principal) {
    const receipt = await this.queries.receipt(requestId);
    if (receipt && mayRead(receipt, caller)) return this.view.receipt(receipt);
    throw new DomainError('not-found', 'RECEIPT_UNKNOWN', 'There is no such receipt, or it is not yours.');
  }

  @Get('epochs')
  @Public()
  async epochs(@Query() query: unknown) {
    const { before, limit } = parse(EpochsPage, query);
    const epochs = await this.queries.epochs(before, limit);
    return { epochs: epochs.map((epoch) => this.view.epoch(epoch)), stuck: await this.queries.stuck() };
  }

  /** Queues the root for the chain; the epoch is active once it is mined. */
  @Post('epochs')
  @HttpCode(202)
  @RequireScope('settlement:operate')
  async close(@Caller() caller: Principal) {
    this.view.checkOperator(caller);
    return this.view.epoch(await this.closeEpoch.run(this.view.now()));
  }

  @Get('claims/:wallet')
  @Public()
  async claim(@Param('wallet') wallet: string) {
    const claim = await this.queries.claim(parse(chainAddress, wallet));
    if (claim) return this.view.claim(claim);
    throw new DomainError(
      'not-found',
      'NOTHING_TO_CLAIM',
      'This wallet has no share in an active epoch yet.',
    );
  }

  @Get('chain')
  @Public()
  chain() {
    return this.view.chain();
  }

  /** Answers whose gateway told another fee than the one charged by. */
  @Get('discrepancies')
  @RequireScope('settlement:operate')
  async discrepancies(@Query() query: unknown) {
    const { limit } = parse(DiscrepanciesPage, query);
    const found = await this.queries.discrepancies(limit);
    return { discrepancies: found.map((one) => this.view.discrepancy(one)) };
  }

  @Get('trial-balance')
  @RequireScope('settlement:operate')
  async trialBalance() {
    return this.view.trialBalance(await this.queries.trialBalance());
  }
}

const mayRead = (receipt: Receipt, caller: Principal): boolean =>
  receipt.organisationId === caller.organisationId ||
  receipt.parts.some(
    (part) =>
      part.payeeId !== '' && (part.payeeId === caller.personId || part.payeeId === caller.organisationId),
  );
