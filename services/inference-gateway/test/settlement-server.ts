import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
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
import { DomainError } from '@openledger/kernel';
import { createLogger, unary } from '@openledger/service-host';

/** Settlement's contract over real gRPC: organisations in `poor` have nothing, all others have enough. */
export class SettlementServer {
  readonly held: HoldBalanceRequest[] = [];
  readonly released: string[] = [];
  readonly poor = new Set<string>();
  /** Organisations whose budget is spent. */
  readonly frugal = new Set<string>();
  readonly leases: LeaseBalanceRequest[] = [];
  /** How many receipts each lease was returned with. */
  readonly returned = new Map<string, number>();
  readonly priced: string[] = [];
  /** By model; those of other models it has not heard of. */
  readonly prices = new Map<string, GetPriceResponse>();
  /** Off, it behaves as one that is broken, and holds are all there is. */
  lends = false;
  leaseUseMs = 60_000;
  /** So many leases are put off before one is granted. */
  setAside = 0;
  private readonly server = new Server();

  async listen(serviceToken: string): Promise<string> {
    const context = { log: createLogger('settlement', 'silent'), serviceToken };
    this.server.addService(SettlementServiceService, {
      holdBalance: unary<HoldBalanceRequest, HoldBalanceResponse>(context, async (request) => {
        if (this.poor.has(request.organisationId)) {
          throw new DomainError('payment-required', 'INSUFFICIENT_BALANCE', 'Deposit OPEN first.');
        }
        this.held.push(request);
        return { holdId: request.requestId, heldWei: '1' };
      }),
      leaseBalance: unary<LeaseBalanceRequest, LeaseBalanceResponse>(context, async (request) => {
        if (!this.lends) throw new Error('no leases today');
        if (this.frugal.has(request.organisationId)) {
          throw new DomainError('payment-required', 'BUDGET_EXCEEDED', 'Raise the budget first.');
        }
        if (this.poor.has(request.organisationId)) {
          throw new DomainError('payment-required', 'INSUFFICIENT_BALANCE', 'Deposit OPEN first.');
        }
        this.leases.push(request);
        this.setAside -= 1;
        if (this.setAside >= 0) return { grantedWei: '0', useForMs: 0, retryAfterMs: 20 };
        return { grantedWei: request.wantedWei, useForMs: this.leaseUseMs, retryAfterMs: 0 };
      }),
      returnLease: unary<ReturnLeaseRequest, ReturnLeaseResponse>(context, async ({ leaseId, receipts }) => {
        this.returned.set(leaseId, receipts);
        return { settled: true };
      }),
      getPrice: unary<GetPriceRequest, GetPriceResponse>(context, async ({ modelId }) => {
        this.priced.push(modelId);
        const price = this.prices.get(modelId);
        if (price) return price;
        throw new DomainError('not-found', 'MODEL_NOT_DEPLOYED', 'no such model');
      }),
      releaseHold: unary<ReleaseHoldRequest, ReleaseHoldResponse>(context, async ({ holdId }) => {
        this.released.push(holdId);
        return {};
      }),
      getBalance: unary(context, async () => ({ availableWei: '0', heldWei: '0' })),
    });
    return listen(this.server);
  }

  close(): void {
    this.server.forceShutdown();
  }
}

export function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(`127.0.0.1:${port}`);
    });
  });
}
