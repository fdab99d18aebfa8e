import { DomainError } from '@openledger/kernel';
import { Counter, Gauge, type Host } from '@openledger/service-host';
import type { Balances, Reservation, SpendRequest } from '../application/payment-ports.js';

/** Refused by the gateway itself: by limits, for want of money or of workers. */
export const rejectedCounter = (metrics: Host['metrics']): Counter<'reason'> =>
  new Counter({
    name: 'openlora_rejected_total',
    help: 'Requests refused before a worker was asked: requests, tokens (limits), insufficient_balance, funds_leased, no_worker, first_token',
    labelNames: ['reason'],
    registers: [metrics],
  });

export const leasesCounter = (metrics: Host['metrics']): Counter<'outcome'> =>
  new Counter({
    name: 'openlora_leases_total',
    help: 'Leases asked for, by what came of it (granted, set-aside, refused, failed), and those given back (returned)',
    labelNames: ['outcome'],
    registers: [metrics],
  });

/** @param held read when metrics are */
export function watchLeases(metrics: Host['metrics'], held: () => number): void {
  const gauge: Gauge = new Gauge({
    name: 'openlora_leases_held',
    help: 'Leases of all organisations at this gateway',
    registers: [metrics],
    collect: () => gauge.set(held()),
  });
}

const FOR_WANT_OF_MONEY: ReadonlySet<string> = new Set([
  'INSUFFICIENT_BALANCE',
  'BUDGET_EXCEEDED',
  'FUNDS_LEASED',
]);

/** Counts the requests that there was no money for. */
export class CountedBalances implements Balances {
  constructor(
    private readonly balances: Balances,
    private readonly rejected: Counter<'reason'>,
  ) {}

  async reserveAll(requests: readonly SpendRequest[]): Promise<readonly Reservation[]> {
    try {
      return await this.balances.reserveAll(requests);
    } catch (error) {
      if (error instanceof DomainError && FOR_WANT_OF_MONEY.has(error.code))
        this.rejected.inc({ reason: error.code.toLowerCase() });
      throw error;
    }
  }
}
