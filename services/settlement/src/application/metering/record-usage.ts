import { checkShares } from '../../domain/split/split-fee.js';
import type { SettlementStore } from '../ports.js';
import type { Answer, RefusedEvent } from './answer-ports.js';
import type { SplitRules } from './credit.js';
import type { PricedModel, ScoredRequest, ServedRequest } from './metering-ports.js';
import { sameScored, sameServed } from './same-facts.js';
import { settleAnswers } from './settle-answers.js';

/** Answers that waited for their model, settled at a time. */
const WAITING_BATCH = 500;

/** Batches of answers whose earnings are summed at a time. */
const SUMMED_BATCHES = 50;

export interface ServedEvent {
  readonly eventId: string;
  readonly served: ServedRequest;
}

export interface ScoredEvent {
  readonly eventId: string;
  readonly requestId: string;
  readonly scored: ScoredRequest;
}

interface Fact {
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
      if (model.version) await tx.policies.saveVersion({ ...versionOf(model), ...model.version });
      // Each pass charges what it fetched, so the list shrinks to nothing.
      for (;;) {
        const waiting = await tx.answers.lockUnmetered(model.id, WAITING_BATCH);
        if (waiting.length === 0) return;
        const arrivals = waiting.map((answer) => ({ answer, news: { id: answer.id }, stored: true }));
        await settleAnswers(tx, arrivals, this.rules, now);
      }
    });
  }

  /** Brings the sums of earnings by model up to date, a bounded number of batches in each transaction. */
  async sumEarnings(): Promise<void> {
    for (;;) {
      const summed = await this.store.transaction((tx) => tx.answers.sumEarnings(SUMMED_BATCHES));
      if (summed < SUMMED_BATCHES) return;
    }
  }

  /** Events that contradict what was recorded before them; newest first. */
  refused(limit: number): Promise<RefusedEvent[]> {
    return this.store.transaction((tx) => tx.answers.refused(limit));
  }

  private record(arrivals: readonly Fact[], now: Date): Promise<number> {
    const eventIds = arrivals.map(({ eventId }) => eventId);
    return this.store.onceAll(eventIds, async (tx, fresh) => {
      const known = await tx.answers.lock(arrivals.map(({ id }) => id));
      const { news, refused } = merge(arrivals, known, fresh, now);
      const changed = [...news.values()].map((one) => {
        const before = known.get(one.id);
        return { answer: { ...before, ...one }, news: one, stored: before !== undefined };
      });
      await settleAnswers(tx, changed, this.rules, now);
      await tx.answers.refuse(refused);
    });
  }
}

/** What the events add to what is known, and those that contradict it. */
function merge(
  arrivals: readonly Fact[],
  known: ReadonlyMap<string, Answer>,
  fresh: ReadonlySet<string>,
  now: Date,
): { news: ReadonlyMap<string, Answer>; refused: RefusedEvent[] } {
  const news = new Map<string, Answer>();
  const refused: RefusedEvent[] = [];
  const handled = new Set<string>();
  for (const { eventId, id, served, scored } of arrivals) {
    const isNew = fresh.has(eventId) && !handled.has(eventId);
    handled.add(eventId);
    const before = { id, ...known.get(id), ...news.get(id) };
    const first = served ? before.served : before.scored;
    if (first === undefined && isNew) {
      const fact = { ...(served ? { served } : {}), ...(scored ? { scored } : {}) };
      news.set(id, { id, ...news.get(id), ...fact });
    } else if (!repeats(before, served, scored)) {
      const code = isNew ? 'REQUEST_ID_REUSED' : 'EVENT_ID_REUSED';
      refused.push({ eventId, requestId: id, code, seenAt: now });
    }
  }
  return { news, refused };
}

function repeats(
  before: Answer,
  served: ServedRequest | undefined,
  scored: ScoredRequest | undefined,
): boolean {
  if (served) return before.served !== undefined && sameServed(before.served, served);
  return scored !== undefined && before.scored !== undefined && sameScored(before.scored, scored);
}

const versionOf = ({ id, developerOrganisationId, deployedAt }: PricedModel) => ({
  modelId: id,
  developerOrganisationId,
  deployedAt,
});
