import { advanceRequest, type SplitPolicy } from './advance-request.js';
import type { PricedModel, ScoredRequest, ServedRequest } from './metering-ports.js';
import type { SettlementStore } from './ports.js';

/** Requests that waited for their model, fetched at a time. */
const WAITING_BATCH = 500;

/** Takes in what was served, how it was scored, and what it costs, in whatever order they arrive. */
export class RecordUsage {
  constructor(
    private readonly store: SettlementStore,
    private readonly policy: SplitPolicy,
  ) {}

  served(eventId: string, served: ServedRequest, now: Date): Promise<boolean> {
    return this.store.once(eventId, async (tx) => {
      await advanceRequest(tx, await tx.metering.saveServed(served), this.policy, now);
    });
  }

  scored(eventId: string, requestId: string, scored: ScoredRequest, now: Date): Promise<boolean> {
    return this.store.once(eventId, async (tx) => {
      await advanceRequest(tx, await tx.metering.saveScored(requestId, scored), this.policy, now);
    });
  }

  modelDeployed(eventId: string, model: PricedModel, now: Date): Promise<boolean> {
    return this.store.once(eventId, async (tx) => {
      await tx.metering.lockModel(model.id);
      await tx.metering.saveModel(model);
      await tx.prices.deployed(model);
      // Each pass meters what it fetched, so the list shrinks to nothing.
      for (;;) {
        const waiting = await tx.metering.unmetered(model.id, WAITING_BATCH);
        if (waiting.length === 0) return;
        for (const requestId of waiting) {
          await advanceRequest(tx, await tx.metering.lockRequest(requestId), this.policy, now);
        }
      }
    });
  }
}
