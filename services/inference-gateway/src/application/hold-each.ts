import type { Balances, Holds, Reservation, SpendRequest } from './payment-ports.js';

/** Sets money aside by a call for each request: what is left where no lease can be had. */
export class HoldEach implements Balances {
  constructor(
    private readonly holds: Holds,
    private readonly onUnreleased: (holdId: string, error: unknown) => void,
  ) {}

  async reserveAll(requests: readonly SpendRequest[]): Promise<readonly Reservation[]> {
    const held = await Promise.allSettled(requests.map((request) => this.reserve(request)));
    const reservations = held.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const refused = held.find((one) => one.status === 'rejected');
    if (refused === undefined) return reservations;
    await Promise.all(reservations.map((reservation) => reservation.release()));
    throw refused.reason;
  }

  private async reserve(request: SpendRequest): Promise<Reservation> {
    const holdId = await this.holds.hold(request);
    return {
      holdId,
      // Settlement charges the hold when the receipt arrives, and frees the rest then or when it runs out.
      spend: () => undefined,
      forfeit: () => undefined,
      release: () => this.holds.release(holdId).catch((error: unknown) => this.onUnreleased(holdId, error)),
    };
  }
}
