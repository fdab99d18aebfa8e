import { AttributionScored, encodeEvent, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId, invariant } from '@openledger/kernel';
import type {
  AttributionEngine,
  AttributionStore,
  ModelVersion,
  ScoredAnswer,
  ServedAnswer,
  WorkKey,
} from './ports.js';

/** After that many attempts a piece of work is given up, and its reason shown. */
export const ATTEMPTS_MAX = 5;

export interface WorkOptions {
  readonly store: AttributionStore;
  readonly engine: AttributionEngine;
  readonly clock: Clock;
  /** Wait before the second attempt; doubles with each. */
  readonly retryMs: number;
  readonly onError: (error: unknown) => void;
}

/**
 * Indexes deployed versions, then scores answers, one after the other. Only one may work at a time: its
 * host holds a lease. What fails is put behind the rest, so it blocks nothing.
 */
export class WorkQueue {
  constructor(private readonly options: WorkOptions) {}

  /** Does the next piece of work to its end; false when none waits. */
  async next(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const { store } = this.options;
    const version = await store.claimVersion();
    if (version) {
      const { modelId, adapterDigest } = version.work;
      const key: WorkKey = { kind: 'version', modelId, adapterDigest };
      await this.attempt(key, version.attempt, signal, () => this.index(version.work, signal));
      return true;
    }
    const answer = await store.claimAnswer();
    if (!answer) return false;
    const key: WorkKey = { kind: 'answer', requestId: answer.work.requestId };
    await this.attempt(key, answer.attempt, signal, () => this.score(answer.work, signal));
    return true;
  }

  private async index(version: ModelVersion, signal: AbortSignal): Promise<void> {
    const { store, engine, onError } = this.options;
    const summary = await engine.index(version, {
      signal,
      onProgress: (progress) => {
        store.saveProgress(version, progress).catch(onError);
      },
    });
    await store.saveIndex(version, summary);
  }

  private async score(answer: ServedAnswer, signal: AbortSignal): Promise<void> {
    const { store, engine, clock } = this.options;
    const version = await store.version(answer.modelId, answer.adapterDigest);
    invariant(version?.index, 'an answer is claimed when its index is there');
    const parties = await store.partiesOf(version.index.stakes.map(({ contributorId }) => contributorId));
    const { requestId, tokensBlob } = answer;
    const order = { version, indexDigest: version.index.digest, requestId, tokensBlob, parties };
    const score = await engine.score(order, signal);
    const at = clock.now();
    const id = derivedId(requestId, topics.attributionScored.name);
    const event = encodeEvent(topics.attributionScored, id, toEvent(answer, score, at));
    await store.saveScore(requestId, score, at, event);
  }

  /** One attempt; `signal` is the host's wish to stop, which is no failure of the work. */
  private async attempt(
    key: WorkKey,
    attempt: number,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    const { store, onError, retryMs } = this.options;
    try {
      if (attempt > ATTEMPTS_MAX) throw new Error('the process ended at every attempt');
      await work();
    } catch (error) {
      if (signal.aborted) return store.putBack(key);
      if (!(error instanceof DomainError)) onError(error);
      const failure = reasonOf(error);
      if (attempt >= ATTEMPTS_MAX) return store.fail(key, failure);
      await store.retryIn(key, retryMs * 2 ** (attempt - 1), failure);
    }
  }
}

const reasonOf = (error: unknown) =>
  error instanceof DomainError
    ? `${error.code}: ${error.message}`
    : 'INTERNAL: attribution stopped on our side; see the log of the service.';

const toEvent = ({ requestId, modelId, adapterDigest }: ServedAnswer, score: ScoredAnswer, scoredAt: Date) =>
  AttributionScored.create({
    requestId,
    modelId,
    adapterDigest,
    contributors: score.contributors.map((share) => ({ ...share })),
    baseModelPpb: score.baseModelPpb,
    reservePpb: score.reservePpb,
    reliabilityPpb: score.reliabilityPpb,
    evidenceBlob: score.evidenceBlob,
    scoredAt,
  });
