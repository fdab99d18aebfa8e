import { credentials, type ServiceError } from '@grpc/grpc-js';
import { SettlementServiceClient } from '@openledger/contracts';
import { fromStatus, type Host, serviceMetadata } from '@openledger/service-host';
import type { Balances, HoldRequest } from '../application/ports.js';

const CALL_TIMEOUT_MS = 5_000;

/** Prepaid balances, which settlement owns. */
export class SettlementBalances implements Balances {
  private readonly client: SettlementServiceClient;

  constructor(
    address: string,
    private readonly serviceToken: string,
    private readonly log: Host['log'],
  ) {
    this.client = new SettlementServiceClient(address, credentials.createInsecure());
  }

  async hold(request: HoldRequest): Promise<string> {
    const { holdId } = await this.call<{ holdId: string }>((metadata, options, done) =>
      this.client.holdBalance(request, metadata, options, done),
    );
    return holdId;
  }

  async release(holdId: string): Promise<void> {
    const released = this.call<object>((metadata, options, done) =>
      this.client.releaseHold({ holdId }, metadata, options, done),
    );
    await released.catch((error: unknown) => this.log.warn({ err: error, holdId }, 'hold not released'));
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
