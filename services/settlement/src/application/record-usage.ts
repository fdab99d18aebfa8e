import { checkShares } from '../domain/split-fee.js';
import type { Answer, RefusedEvent } from './answer-ports.js';
import type { SplitRules } from './credit.js';
import type { PricedModel, ScoredRequest, ServedRequest } from './metering-ports.js';
import type { SettlementStore } from './ports.js';
import { sameScored, sameServed } from './same-facts.js';
import { settleAnswers } from './settle-answers.js';

/** Answers that waited for their model, settled at a time. */
const WAITING_BATCH = 500;

export interface ServedEvent {
  readonly eventId: string;
  readonly served: ServedRequest;
}

export interface ScoredEvent {
  readonly eventId: string;
  readonly requestId: string;
  readonly scored: ScoredRequest;
}

interface Arrival {
  readonly eventId: string;
  readonly id: string;
  readonly served?: ServedRequest;
  readonly scored?: ScoredRequest;
}

/**
 * Takes in what was served, how it was scored, and what it costs, in whatever order and batches they arrive. The first facts
 * about an answer win; an event that says something else changes nothing and is shown.
 */
export class RecordUsage {
  constructor(
    private readonly store: SettlementStore,
    private readonly rules: SplitRules,
  ) {}

  /** All of the events or none; answers how many were new. */
  servedAll(events: readonly ServedEvent[], now: Date): Promise<number> {
    const arrivals = events.map(({ eventId, served }) => ({ eventId, id: served.id, served }));
    return this.record(arrivals, now);
  }

  /**
   * All of the events or none; answers how many were new.
   * @throws DomainError SHARES_NOT_WHOLE
   */
  async scoredAll(events: readonly ScoredEvent[], now: Date): Promise<number> {
    // Here, and not first when it comes to splitting: the answer itself can be charged.
    for (const { scored } of events) checkShares(scored.attribution);
    const arrivals = events.map(({ eventId, requestId, scored }) => ({ eventId, id: requestId, scored }));
    return this.record(arrivals, now);
  }

  async served(eventId: string, served: ServedRequest, now: Date): Promise<boolean> {
    return (await this.servedAll([{ eventId, served }], now)) > 0;
  }

  async scored(eventId: string, requestId: string, scored: ScoredRequest, now: Date): Promise<boolean> {
    return (await this.scoredAll([{ eventId, requestId, scored }], now)) > 0;
  }

  modelDeployed(eventId: string, model: PricedModel, now: Date): Promise<boolean> {
    return this.store.once(eventId, async (tx) => {
      await tx.metering.lockModel(model.id);
      await tx.metering.saveModel(model);
      await tx.prices.deployed(model);
      // Each pass charges what it fetched, so the list shrinks to nothing.
      for (;;) {
        const seen = await tx.answers.lockUnmetered(model.id, WAITING_BATCH);
        if (seen.length === 0) return;
        await settleAnswers(tx, { unseen: [], seen }, this.rules, now);
      }
    });
  }

  private record(arrivals: readonly Arrival[], now: Date): Promise<number> {
    const eventIds = arrivals.map(({ eventId }) => eventId);
    return this.store.onceAll(eventIds, async (tx, fresh) => {
      const known = await tx.answers.lock(arrivals.map(({ id }) => id));
      const { changed, refused } = merge(arrivals, known, fresh, now);
      const answers = [...changed.values()];
      const unseen = answers.filter(({ id }) => !known.has(id));
      const seen = answers.filter(({ id }) => known.has(id));
      await settleAnswers(tx, { unseen, seen }, this.rules, now);
      await tx.answers.refuse(refused);
    });
  }
}

/** What the events add to what is known, and those that contradict it. */
function merge(
  arrivals: readonly Arrival[],
  known: ReadonlyMap<string, Answer>,
  fresh: ReadonlySet<string>,
  now: Date,
): { changed: ReadonlyMap<string, Answer>; refused: RefusedEvent[] } {
  const changed = new Map<string, Answer>();
  const refused: RefusedEvent[] = [];
  const handled = new Set<string>();
  for (const { eventId, id, served, scored } of arrivals) {
    const isNew = fresh.has(eventId) && !handled.has(eventId);
    handled.add(eventId);
    const before = changed.get(id) ?? known.get(id);
    const first = served ? before?.served : before?.scored;
    if (first === undefined && isNew) {
      changed.set(id, {
        ...(before ?? { id }),
        ...(served ? { served } : {}),
        ...(scored ? { scored } : {}),
      });
    } else if (!repeats(before, served, scored)) {
      const code = isNew ? 'REQUEST_ID_REUSED' : 'EVENT_ID_REUSED';
      refused.push({ eventId, requestId: id, code, seenAt: now });
    }
  }
  return { changed, refused };
}

function repeats(
  before: Answer | undefined,
  served: ServedRequest | undefined,
  scored: ScoredRequest | undefined,
): boolean {
  if (served) return before?.served !== undefined && sameServed(before.served, served);
  return scored !== undefined && before?.scored !== undefined && sameScored(before.scored, scored);
}
