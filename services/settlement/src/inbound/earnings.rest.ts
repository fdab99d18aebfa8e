import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { Authenticated, Caller, type Principal } from '@openledger/auth';
import { DomainError, isId } from '@openledger/kernel';
import { nextAfter, pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { EarningsQueries, type ModelEarning } from '../application/metering/earnings-queries.js';
import { SettlementQueries } from '../application/queries.js';

const RECENT_MAX = 20;
const PAGE_MAX = 500;
const ID_CHARACTERS_MAX = 200;

const TransfersPage = z.object({
  after: z.coerce
    .bigint()
    .positive()
    .max(2n ** 63n - 1n)
    .optional(),
  limit: pageLimit(PAGE_MAX, 100),
});
const AnswersPage = z.object({
  after: z.string().max(ID_CHARACTERS_MAX).default(''),
  limit: pageLimit(PAGE_MAX),
});

/** What a payee earned, down to the answer: transfers out of clearing, and the receipts whose parts sum to each. */
@Controller('settlement/earnings')
export class EarningsController {
  constructor(
    @Inject(SettlementQueries) private readonly queries: SettlementQueries,
    @Inject(EarningsQueries) private readonly earned: EarningsQueries,
  ) {}

  @Get(':payeeId')
  @Authenticated()
  async earnings(@Param('payeeId') payeeId: string, @Caller() caller: Principal) {
    checkOwn(payeeId, caller);
    const earnings = await this.queries.earnings(payeeId);
    const models = await this.earned.byModel(payeeId);
    const recent = await this.earned.recent(payeeId, RECENT_MAX);
    return {
      contributorId: earnings.payeeId,
      partyId: earnings.partyId,
      wallet: earnings.wallet,
      earnedWei: earnings.earnedWei.toString(),
      accruedWei: earnings.accruedWei.toString(),
      promisedWei: earnings.promisedWei.toString(),
      paidWei: earnings.paidWei.toString(),
      byModel: models.map((model) => ({ ...model, amountWei: model.amountWei.toString() })),
      byDatanets: byDatanets(models),
      recent: recent.map((entry) => ({ ...entry, amountWei: entry.amountWei.toString() })),
    };
  }

  @Get(':payeeId/transfers')
  @Authenticated()
  async transfers(@Param('payeeId') payeeId: string, @Query() query: unknown, @Caller() caller: Principal) {
    checkOwn(payeeId, caller);
    const { after, limit } = parse(TransfersPage, query);
    const found = await this.earned.transfers(payeeId, after, limit);
    return {
      transfers: found.map(({ position: _, ...transfer }) => ({
        ...transfer,
        amountWei: transfer.amountWei.toString(),
      })),
      next: nextAfter(found, limit, ({ position }) => position.toString()),
    };
  }

  @Get(':payeeId/transfers/:transferId')
  @Authenticated()
  async answers(
    @Param('payeeId') payeeId: string,
    @Param('transferId') transferId: string,
    @Query() query: unknown,
    @Caller() caller: Principal,
  ) {
    checkOwn(payeeId, caller);
    const page = parse(AnswersPage, query);
    const found = isId(transferId) ? await this.earned.answers(payeeId, transferId, page) : undefined;
    if (!found) {
      const message = 'There is no such transfer to these earnings.';
      throw new DomainError('not-found', 'EARNING_UNKNOWN', message);
    }
    return {
      answers: found.map((answer) => ({ ...answer, amountWei: answer.amountWei.toString() })),
      next: nextAfter(found, page.limit, ({ requestId }) => requestId),
    };
  }
}

function checkOwn(payeeId: string, caller: Principal): void {
  if (payeeId === caller.personId || payeeId === caller.organisationId) return;
  throw new DomainError('forbidden', 'EARNINGS_PRIVATE', 'Only the contributor can see these earnings.');
}

/** By the Datanets that a model was trained on: an answer is not attributed to one of several. */
function byDatanets(models: readonly ModelEarning[]) {
  const sums = new Map<string, { datanetIds: string[]; amountWei: bigint }>();
  for (const { datanetIds, amountWei } of models) {
    const sorted = [...datanetIds].toSorted();
    const sum = sums.get(sorted.join('\n')) ?? { datanetIds: sorted, amountWei: 0n };
    sum.amountWei += amountWei;
    sums.set(sorted.join('\n'), sum);
  }
  return [...sums.values()].map(({ datanetIds, amountWei }) => ({
    datanetIds,
    amountWei: amountWei.toString(),
  }));
}
