import {
  fromPrice,
  type GetBalanceRequest,
  type GetBalanceResponse,
  type GetPriceRequest,
  type GetPriceResponse,
  type HoldBalanceRequest,
  type HoldBalanceResponse,
  type LeaseBalanceRequest,
  type LeaseBalanceResponse,
  type ReleaseHoldRequest,
  type ReleaseHoldResponse,
  type ReturnLeaseRequest,
  type ReturnLeaseResponse,
  SettlementServiceService,
} from '@openledger/contracts';
import { type Clock, DomainError, isId } from '@openledger/kernel';
import { type GrpcContext, type GrpcService, unary } from '@openledger/service-host';
import type { BillingQueries } from '../application/billing/billing-queries.js';
import type { EndHold } from '../application/prepaid/end-hold.js';
import type { EndLease } from '../application/prepaid/end-lease.js';
import { type HoldBalance, modelNotDeployed } from '../application/prepaid/hold-balance.js';
import type { LeaseAnswer, LeaseBalance } from '../application/prepaid/lease-balance.js';
import type { ReadBalance } from '../application/prepaid/read-balance.js';
import { type PriceNotice, type PriceQuote, quote } from '../domain/billing/price.js';

const ID_CHARACTERS_MAX = 200;
/** Of one lease; what a column of Postgres holds. */
const RECEIPTS_MAX = 2 ** 31 - 1;

export interface GrpcUseCases {
  readonly holdBalance: HoldBalance;
  readonly endHold: EndHold;
  readonly leaseBalance: LeaseBalance;
  readonly endLease: EndLease;
  readonly readBalance: ReadBalance;
  readonly billing: BillingQueries;
  readonly priceNotice: PriceNotice;
  readonly clock: Clock;
}

/** Prepaid balances for the gateway. */
export function settlementGrpc(context: GrpcContext, useCases: GrpcUseCases): GrpcService {
  const { holdBalance, endHold, leaseBalance, endLease, readBalance, billing, priceNotice, clock } = useCases;
  return {
    definition: SettlementServiceService,
    implementation: {
      holdBalance: unary<HoldBalanceRequest, HoldBalanceResponse>(context, async (request) => {
        checkIds(request.requestId, request.organisationId);
        const hold = await holdBalance.run(
          {
            requestId: request.requestId,
            organisationId: request.organisationId,
            modelId: request.modelId,
            promptTokens: request.promptTokens,
            completionTokensMax: request.completionTokensMax,
          },
          clock.now(),
        );
        return { holdId: hold.requestId, heldWei: hold.heldWei.toString() };
      }),
      releaseHold: unary<ReleaseHoldRequest, ReleaseHoldResponse>(context, async (request) => {
        await endHold.release(request.holdId);
        return {};
      }),
      leaseBalance: unary<LeaseBalanceRequest, LeaseBalanceResponse>(context, async (request) => {
        checkIds(request.leaseId, request.organisationId);
        const wantedWei = weiOf('wanted_wei', request.wantedWei);
        const minimumWei = weiOf('minimum_wei', request.minimumWei);
        if (wantedWei < minimumWei) throw invalid('wanted_wei is less than minimum_wei');
        const { leaseId, organisationId } = request;
        return toLeaseResponse(
          await leaseBalance.run({ leaseId, organisationId, wantedWei, minimumWei }, clock.now()),
        );
      }),
      returnLease: unary<ReturnLeaseRequest, ReturnLeaseResponse>(context, async (request) => {
        if (request.receipts > RECEIPTS_MAX) throw invalid(`a lease has at most ${RECEIPTS_MAX} receipts`);
        return { settled: await endLease.run(request.leaseId, request.receipts, clock.now()) };
      }),
      getPrice: unary<GetPriceRequest, GetPriceResponse>(context, async ({ modelId }) => {
        const quoted = quote(await billing.prices(modelId), priceNotice, clock.now());
        if (!quoted) throw modelNotDeployed(modelId);
        return toPriceResponse(quoted);
      }),
      getBalance: unary<GetBalanceRequest, GetBalanceResponse>(context, async (request) => {
        const balance = await readBalance.run(request.organisationId, clock.now());
        return { availableWei: balance.availableWei.toString(), heldWei: balance.heldWei.toString() };
      }),
    },
  };
}

function checkIds(id: string, organisationId: string): void {
  if (id.length > 0 && id.length <= ID_CHARACTERS_MAX && isId(organisationId)) return;
  throw invalid('the id is missing or too long, or organisation_id is no UUID');
}

/** At least 1 wei: a lease of nothing has nothing to keep. */
function weiOf(field: string, text: string): bigint {
  if (/^[1-9]\d{0,38}$/.test(text)) return BigInt(text);
  throw invalid(`${field} is no whole number of wei above 0`);
}

const invalid = (message: string): DomainError => new DomainError('invalid', 'REQUEST_INVALID', message);

const toLeaseResponse = (answer: LeaseAnswer): LeaseBalanceResponse =>
  answer.kind === 'granted'
    ? { grantedWei: answer.grantedWei.toString(), useForMs: answer.useForMs, retryAfterMs: 0 }
    : { grantedWei: '0', useForMs: 0, retryAfterMs: answer.retryAfterMs };

/** A change further off than this many milliseconds is told when it has come closer: the field holds 32 bits. */
const TOLD_AHEAD_MAX_MS = 2 ** 31;

const toPriceResponse = ({ price, next, goodForMs }: PriceQuote): GetPriceResponse => ({
  ...fromPrice(price),
  ...(next && next.inMs < TOLD_AHEAD_MAX_MS ? { next: fromPrice(next.price), changesInMs: next.inMs } : {}),
  goodForMs,
});
