import {
  AttributionChallenged,
  encodeEvent,
  topics,
  ChallengeOutcome as WireOutcome,
} from '@openledger/contracts';
import { type Clock, derivedId } from '@openledger/kernel';
import type { Replay, ScoredAnswer } from './ports.js';
import type { ReplayScores } from './replay-scores.js';
import { toScoredEvent } from './scored-event.js';
import type {
  AnswerStatus,
  Challenge,
  ChallengeOutcome,
  Decision,
  ReadStore,
  WorkStore,
} from './store-port.js';
import type { Attempts, WorkKind } from './work.js';

export interface DecideChallengesParts {
  readonly store: WorkStore;
  readonly reads: ReadStore;
  readonly replays: ReplayScores;
  readonly attempts: Attempts;
  readonly clock: Clock;
}

/** Computes challenged scores again and publishes what came of it. */
export class DecideChallenges implements WorkKind {
  constructor(private readonly parts: DecideChallengesParts) {}

  async next(signal: AbortSignal): Promise<boolean> {
    const { store, replays, attempts } = this.parts;
    const claimed = await store.claimChallenge();
    if (!claimed) return false;
    const { work: challenge, attempt } = claimed;
    const piece = {
      key: { kind: 'challenge', challengeId: challenge.id } as const,
      attempt,
      work: async () => this.decide(challenge, judged(await replays.replay(challenge.requestId, signal))),
      giveUp: ({ code, message }: { readonly code: string; readonly message: string }) =>
        this.decide(challenge, { outcome: 'undecidable', finding: `${code}: ${message}` }),
    };
    await attempts.run(piece, signal);
    return true;
  }

  private async decide(challenge: Challenge, { outcome, finding, corrected }: Judgement): Promise<void> {
    const { store, reads, clock } = this.parts;
    const decision: Decision = { outcome, finding, decidedAt: clock.now() };
    const answer = await reads.answer(challenge.requestId);
    const event = encodeEvent(
      topics.attributionChallenged,
      derivedId(challenge.id, topics.attributionChallenged.name),
      toEvent(challenge, decision, answer && corrected && { answer, corrected }),
    );
    await store.decideChallenge(challenge, decision, corrected, event);
  }
}

interface Judgement {
  readonly outcome: ChallengeOutcome;
  readonly finding: string;
  /** The score that holds instead. */
  readonly corrected?: ScoredAnswer;
}

function judged({ equal, differences, missing, note, score }: Replay): Judgement {
  if (missing.length > 0) return { outcome: 'undecidable', finding: `${note} Gone: ${missing.join('; ')}.` };
  if (equal) return { outcome: 'dismissed', finding: note };
  const finding = `${note} ${differences.join('; ')}.`;
  return score ? { outcome: 'upheld', finding, corrected: score } : { outcome: 'undecidable', finding };
}

const WIRE_OUTCOME: Readonly<Record<ChallengeOutcome, WireOutcome>> = {
  dismissed: WireOutcome.CHALLENGE_OUTCOME_DISMISSED,
  upheld: WireOutcome.CHALLENGE_OUTCOME_UPHELD,
  undecidable: WireOutcome.CHALLENGE_OUTCOME_UNDECIDABLE,
};

export const toWireOutcome = (outcome: ChallengeOutcome | undefined): WireOutcome =>
  outcome ? WIRE_OUTCOME[outcome] : WireOutcome.CHALLENGE_OUTCOME_UNSPECIFIED;

const toEvent = (
  { id, requestId, personId }: Challenge,
  { outcome, finding, decidedAt }: Decision,
  correction: { readonly answer: AnswerStatus; readonly corrected: ScoredAnswer } | undefined,
): AttributionChallenged =>
  AttributionChallenged.create({
    requestId,
    challengeId: id,
    challengerId: personId,
    outcome: WIRE_OUTCOME[outcome],
    finding,
    ...(correction && { corrected: toScoredEvent(correction.answer, correction.corrected, decidedAt) }),
    decidedAt,
  });
