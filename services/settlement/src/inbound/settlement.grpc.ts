import {
  type GetBalanceRequest,
  type GetBalanceResponse,
  type HoldBalanceRequest,
  type HoldBalanceResponse,
  type ReleaseHoldRequest,
  type ReleaseHoldResponse,
  SettlementServiceService,
} from '@openledger/contracts';
import { type Clock, DomainError, isId } from '@openledger/kernel';
import { type GrpcContext, type GrpcService, unary } from '@openledger/service-host';
import type { EndHold } from '../application/end-hold.js';
import type { HoldBalance } from '../application/hold-balance.js';
import type { SettlementQueries } from '../application/queries.js';

const REQUEST_ID_MAX = 200;

export interface GrpcUseCases {
  readonly holdBalance: HoldBalance;
  readonly endHold: EndHold;
  readonly queries: SettlementQueries;
  readonly clock: Clock;
}

/** Prepaid balances for the gateway. */
export function settlementGrpc(context: GrpcContext, useCases: GrpcUseCases): GrpcService {
  const { holdBalance, endHold, queries, clock } = useCases;
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
      getBalance: unary<GetBalanceRequest, GetBalanceResponse>(context, async (request) => {
        const balance = await queries.balance(request.organisationId);
        return { availableWei: balance.availableWei.toString(), heldWei: balance.heldWei.toString() };
      }),
    },
  };
}

function checkIds(requestId: string, organisationId: string): void {
  if (requestId.length > 0 && requestId.length <= REQUEST_ID_MAX && isId(organisationId)) return;
  throw new DomainError(
    'invalid',
    'REQUEST_INVALID',
    'request_id is missing or too long, or organisation_id is no UUID',
  );
}
