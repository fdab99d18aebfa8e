import { credentials, type ServiceError } from '@grpc/grpc-js';
import {
  type GetPriceResponse,
  type HoldBalanceResponse,
  type LeaseBalanceResponse,
  SettlementServiceClient,
  toPrice,
} from '@openledger/contracts';
import { fromStatus, type Host, serviceMetadata } from '@openledger/service-host';
import type {
  Holds,
  LeaseAnswer,
  LeaseRequest,
  Lender,
  PriceQuote,
  Prices,
  SpendRequest,
} from '../application/payment-ports.js';

const CALL_TIMEOUT_MS = 5_000;
/** Of a price, where settlement does not say. */
const GOOD_FOR_MS = 60_000;

/** Prepaid balances and prices, which settlement owns. */
export class SettlementClient implements Holds, Lender, Prices {
  private readonly client: SettlementServiceClient;

  constructor(
    address: string,
    private readonly serviceToken: string,
    private readonly log: Host['log'],
  ) {
    this.client = new SettlementServiceClient(address, credentials.createInsecure());
  }

  async hold(request: SpendRequest): Promise<string> {
    const { requestId, organisationId, modelId, promptTokens, completionTokensMax } = request;
    const message = { requestId, organisationId, modelId, promptTokens, completionTokensMax };
    const { holdId } = await this.call<HoldBalanceResponse>((metadata, options, done) =>
      this.client.holdBalance(message, metadata, options, done),
    );
    return holdId;
  }

  async release(holdId: string): Promise<void> {
    await this.call<object>((metadata, options, done) =>
      this.client.releaseHold({ holdId }, metadata, options, done),
    );
  }

  async lease({ leaseId, organisationId, wantedWei, minimumWei }: LeaseRequest): Promise<LeaseAnswer> {
    const message = {
      leaseId,
      organisationId,
      wantedWei: wantedWei.toString(),
      minimumWei: minimumWei.toString(),
    };
    const response = await this.call<LeaseBalanceResponse>((metadata, options, done) =>
      this.client.leaseBalance(message, metadata, options, done),
    );
    const { retryAfterMs, grantedWei, useForMs } = response;
    if (retryAfterMs > 0) return { kind: 'set-aside', retryAfterMs };
    return { kind: 'granted', grantedWei: BigInt(grantedWei), useForMs };
  }

  async returnLease(leaseId: string, receipts: number): Promise<void> {
    await this.call<object>((metadata, options, done) =>
      this.client.returnLease({ leaseId, receipts }, metadata, options, done),
    );
  }

  async price(modelId: string): Promise<PriceQuote> {
    const response = await this.call<GetPriceResponse>((metadata, options, done) =>
      this.client.getPrice({ modelId }, metadata, options, done),
    );
    const { next, changesInMs, goodForMs = GOOD_FOR_MS } = response;
    return {
      price: toPrice(response),
      ...(next && changesInMs !== undefined ? { next: { price: toPrice(next), inMs: changesInMs } } : {}),
      goodForMs,
    };
  }

  close(): void {
    this.client.close();
  }

  private call<R>(
    invoke: (
      metadata: ReturnType<typeof serviceMetadata>,
      options: { deadline: number },
      done: (error: ServiceError | null, response: R) => void,
    ) => void,
  ): Promise<R> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + CALL_TIMEOUT_MS };
      invoke(serviceMetadata(this.serviceToken), options, (error, response) => {
        if (error) reject(fromStatus(error, this.log));
        else resolve(response);
      });
    });
  }
}
