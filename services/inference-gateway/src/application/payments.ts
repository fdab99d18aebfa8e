import { feeOf, invariant, type Price } from '@openledger/kernel';
import type { ServableModel } from '../domain/model.js';
import type { Balances, Reservation } from './payment-ports.js';
import type { Receipt, Receipts } from './ports.js';

/** The most that a request may use of a model. */
export interface PaymentRequest {
  readonly requestId: string;
  readonly organisationId: string;
  readonly model: ServableModel;
  readonly promptTokens: number;
  readonly completionTokensMax: number;
}

/** A receipt before it is known what it cost. */
export type Unpaid = Omit<Receipt, 'holdId' | 'price' | 'feeWei'>;

/** Sets aside what requests may cost and bills what they did. */
export class Payments {
  constructor(
    private readonly balances: Balances,
    private readonly receipts: Receipts,
  ) {}

  /** Nothing may run before this resolves. @throws DomainError INSUFFICIENT_BALANCE, FUNDS_LEASED */
  async begin(request: PaymentRequest): Promise<Payment> {
    const { requestId, organisationId, model, promptTokens, completionTokensMax } = request;
    if (model.adapter === undefined) return new Payment(this.receipts);
    const { price } = model;
    invariant(price, 'a model that can be asked for has a price');
    const mostWei = feeOf(price, { promptTokens, completionTokens: completionTokensMax });
    if (mostWei === 0n) return new Payment(this.receipts, price);
    const { modelId } = model;
    const spend = { requestId, organisationId, modelId, promptTokens, completionTokensMax, mostWei };
    return new Payment(this.receipts, price, await this.balances.reserve(spend));
  }
}

/** One request's money: recorded or released, exactly once. */
export class Payment {
  constructor(
    private readonly receipts: Receipts,
    private readonly price?: Price,
    private readonly reservation?: Reservation,
  ) {}

  /** Durable when it resolves. */
  async record(unpaid: Unpaid): Promise<void> {
    const { price, reservation } = this;
    const usage = {
      promptTokens: unpaid.promptTokensBilled,
      completionTokens: unpaid.completionTokens.length,
    };
    const feeWei = price ? feeOf(price, usage) : 0n;
    try {
      const holdId = reservation?.holdId ?? '';
      await this.receipts.record({ ...unpaid, holdId, feeWei, ...(price ? { price } : {}) });
    } catch (error) {
      reservation?.forfeit();
      throw error;
    }
    reservation?.spend(feeWei);
  }

  async release(): Promise<void> {
    await this.reservation?.release();
  }
}
