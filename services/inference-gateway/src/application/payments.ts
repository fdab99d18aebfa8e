import { feeOf, invariant, type Price } from '@openledger/kernel';
import type { ServableModel } from '../domain/model.js';
import type { Balances, Reservation, SpendRequest } from './payment-ports.js';
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

  /** Nothing may run before this resolves. @throws DomainError INSUFFICIENT_BALANCE, BUDGET_EXCEEDED, FUNDS_LEASED */
  async begin(request: PaymentRequest): Promise<Payment> {
    const [payment] = await this.beginAll([request]);
    invariant(payment, 'every request has its payment');
    return payment;
  }

  /** The same for requests of one organisation: all of them or none. */
  async beginAll(requests: readonly PaymentRequest[]): Promise<Payment[]> {
    const spends = requests.map(spendOf);
    const paid = spends.filter((spend) => spend.mostWei > 0n);
    const reservations = paid.length > 0 ? await this.balances.reserveAll(paid) : [];
    const byRequest = new Map(paid.map(({ requestId }, at) => [requestId, reservations[at]]));
    return requests.map(
      ({ requestId, model }) => new Payment(this.receipts, model.price, byRequest.get(requestId)),
    );
  }
}

function spendOf({ model, ...request }: PaymentRequest): SpendRequest {
  const { adapter, price, modelId } = model;
  if (adapter === undefined) return { ...request, modelId, mostWei: 0n };
  invariant(price, 'a model that can be asked for has a price');
  const { promptTokens, completionTokensMax } = request;
  return {
    ...request,
    modelId,
    mostWei: feeOf(price, { promptTokens, completionTokens: completionTokensMax }),
  };
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
      cachedTokens: unpaid.cachedTokens,
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
