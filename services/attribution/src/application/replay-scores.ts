import { DomainError } from '@openledger/kernel';
import type { AnswerOrders } from './answer-orders.js';
import type { AttributionEngine, Replay, ScoredAnswer } from './ports.js';
import type { AnswerStatus, ReadStore, WorkStore } from './store-port.js';
import type { Attempts, WorkKind } from './work.js';

export interface ReplayScoresParts {
  readonly store: WorkStore;
  readonly reads: ReadStore;
  readonly engine: AttributionEngine;
  readonly orders: AnswerOrders;
  readonly attempts: Attempts;
}

/** Computes scores again that somebody asked for. */
export class ReplayScores implements WorkKind {
  constructor(private readonly parts: ReplayScoresParts) {}

  async next(signal: AbortSignal): Promise<boolean> {
    const { store, attempts } = this.parts;
    const claimed = await store.claimReplay();
    if (!claimed) return false;
    const { work: requestId, attempt } = claimed;
    const work = async () => {
      await store.saveReplay(requestId, await this.replay(requestId, signal));
    };
    await attempts.run({ key: { kind: 'replay', requestId }, attempt, work }, signal);
    return true;
  }

  /** @throws DomainError ATTRIBUTION_PENDING */
  async replay(requestId: string, signal: AbortSignal): Promise<Replay> {
    const answer = await this.parts.reads.answer(requestId);
    if (!answer?.result) {
      throw new DomainError(
        'not-found',
        'ATTRIBUTION_PENDING',
        `The answer ${requestId} is not attributed yet.`,
      );
    }
    return answer.result.receiptBlob === ''
      ? this.withoutReceipt(answer, answer.result, signal)
      : this.withReceipt(answer, answer.result, signal);
  }

  private async withReceipt(
    answer: AnswerStatus,
    published: ScoredAnswer,
    signal: AbortSignal,
  ): Promise<Replay> {
    const { reads, engine } = this.parts;
    const { requestId, tokensBlob, modelId, adapterDigest } = answer;
    const version = await reads.version(modelId, adapterDigest);
    if (!version) return incomplete(published, `model version ${adapterDigest}`);
    return engine.replay({ version, requestId, tokensBlob, published }, signal);
  }

  /** Nothing was measured, or by a release that kept no receipts: what comes out now is compared as far as it goes. */
  private async withoutReceipt(
    answer: AnswerStatus,
    score: ScoredAnswer,
    signal: AbortSignal,
  ): Promise<Replay> {
    const { engine, orders } = this.parts;
    const version = await orders.versionOf(answer);
    if (!version) return incomplete(score, `index of ${answer.adapterDigest}`);
    const [outcome] = await engine.score([await orders.of(version, answer)], signal);
    if (outcome?.kind === 'broke') throw outcome.error;
    if (score.status === 'scored') return incomplete(score, 'receipt');
    const again = outcome?.kind === 'scored' ? outcome.score : undefined;
    const reason = outcome?.kind === 'refused' ? outcome.refusal.code : (again?.reason ?? '');
    const base = { missing: [], codeVersion: score.codeVersion };
    const note = `Nothing had been measured: ${score.reason}. It was tried again.`;
    if (again?.status === 'scored') {
      const differences = [`status: unattributable (${score.reason}) is not scored`];
      return { ...base, equal: false, differences, note, score: again };
    }
    const isSame = reason === score.reason;
    return {
      ...base,
      equal: isSame,
      differences: isSame ? [] : [`reason: ${score.reason} is not ${reason}`],
      note,
    };
  }
}

const incomplete = (score: ScoredAnswer | undefined, missing: string): Replay => ({
  equal: false,
  differences: [],
  missing: [missing],
  codeVersion: score?.codeVersion ?? '',
  note: 'An input is gone, so the score cannot be computed again.',
});
