import type { Clock } from '@openledger/kernel';
import { publishScore } from './score-answers.js';
import { unattributable } from './scored-event.js';
import type { WorkStore } from './store-port.js';
import type { WorkKind } from './work.js';

const BATCH = 100;

export interface ReleaseAnswersParts {
  readonly store: WorkStore;
  readonly clock: Clock;
  /** How long an answer waits for a model that nobody has deployed. */
  readonly modelWaitMs: number;
}

/** Publishes answers that would wait for ever as unattributable: their fee is settled, and nobody is paid by a guess. */
export class ReleaseAnswers implements WorkKind {
  constructor(private readonly parts: ReleaseAnswersParts) {}

  async next(signal: AbortSignal): Promise<boolean> {
    const { store, modelWaitMs } = this.parts;
    const lost = await store.lostAnswers(modelWaitMs, BATCH);
    for (const { answer, reason } of lost) {
      if (signal.aborted) break;
      await publishScore(this.parts, answer, unattributable(reason));
    }
    return lost.length > 0;
  }
}
