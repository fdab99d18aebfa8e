import { encodeEvent, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId, invariant } from '@openledger/kernel';
import type { AnswerOrders } from './answer-orders.js';
import type { AnswerOrder, AttributionEngine, ScoredAnswer, ScoreOutcome } from './ports.js';
import { toScoredEvent, unattributable } from './scored-event.js';
import type { ServedAnswer, WorkStore } from './store-port.js';
import type { Attempts, WorkKind } from './work.js';

/** Answers of one version that the engine is given at a time. */
const BATCH = 16;

export interface ScoreAnswersParts {
  readonly store: WorkStore;
  readonly engine: AttributionEngine;
  readonly orders: AnswerOrders;
  readonly attempts: Attempts;
  readonly clock: Clock;
}

/** Scores answers in batches. One that never can be scored is published as unattributable, so that nobody waits for it. */
export class ScoreAnswers implements WorkKind {
  constructor(private readonly parts: ScoreAnswersParts) {}

  async next(signal: AbortSignal): Promise<boolean> {
    const { store, orders, attempts } = this.parts;
    const claimed = await store.claimAnswers(BATCH);
    const [first] = claimed;
    if (!first) return false;
    const version = await orders.versionOf(first.work);
    invariant(version, 'an answer is claimed when its index is there');
    const outcomes = this.batch(
      await Promise.allSettled(claimed.map(({ work }) => orders.of(version, work))),
      signal,
    );
    for (const [i, { work: answer, attempt }] of claimed.entries()) {
      const piece = {
        key: { kind: 'answer', requestId: answer.requestId } as const,
        attempt,
        work: async () => this.publish(answer, scoreOf(await outcomes(i))),
        giveUp: ({ code }: { readonly code: string }) =>
          this.publish(answer, unattributable(code, version.index)),
      };
      await attempts.run(piece, signal);
    }
    return true;
  }

  /** The outcome of each answer by its place; rejects for those whose order could not be put together. */
  private batch(orders: readonly PromiseSettledResult<AnswerOrder>[], signal: AbortSignal) {
    const ready = orders.flatMap((order) => (order.status === 'fulfilled' ? [order.value] : []));
    const scored = ready.length > 0 ? this.parts.engine.score(ready, signal) : Promise.resolve([]);
    // Each of its answers learns of a failure for itself.
    scored.catch(() => undefined);
    return async (place: number): Promise<ScoreOutcome | undefined> => {
      const order = orders[place];
      if (order?.status === 'rejected') throw order.reason;
      return (await scored)[ready.findIndex(({ requestId }) => requestId === order?.value.requestId)];
    };
  }

  private async publish(answer: ServedAnswer, score: ScoredAnswer): Promise<void> {
    await publishScore(this.parts, answer, score);
  }
}

/** Stores and publishes a score; nothing where there was one before. */
export async function publishScore(
  { store, clock }: { readonly store: WorkStore; readonly clock: Clock },
  answer: ServedAnswer,
  score: ScoredAnswer,
): Promise<void> {
  const at = clock.now();
  const id = derivedId(answer.requestId, topics.attributionScored.name);
  const event = encodeEvent(topics.attributionScored, id, toScoredEvent(answer, score, at));
  await store.saveScore(answer.requestId, score, at, event);
}

function scoreOf(outcome: ScoreOutcome | undefined): ScoredAnswer {
  invariant(outcome, 'an answer has an outcome');
  if (outcome.kind === 'scored') return outcome.score;
  if (outcome.kind === 'broke') throw outcome.error;
  throw new DomainError('precondition', outcome.refusal.code, outcome.refusal.message);
}
