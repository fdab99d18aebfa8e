import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type HoldBalanceRequest,
  type HoldBalanceResponse,
  type ReleaseHoldRequest,
  type ReleaseHoldResponse,
  SettlementServiceService,
} from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import { createLogger, unary } from '@openledger/service-host';

/** Settlement's contract over real gRPC: organisations in `poor` have nothing, all others have enough. */
export class SettlementServer {
  readonly held: HoldBalanceRequest[] = [];
  readonly released: string[] = [];
  readonly poor = new Set<string>();
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
