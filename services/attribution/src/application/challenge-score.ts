import { type Clock, DomainError, derivedId } from '@openledger/kernel';
import { type Reader, readable } from './access.js';
import type { Challenge, ReadStore } from './store-port.js';

/** A person's doubt about a score; its outcome is published. One of each person and answer. */
export class ChallengeScore {
  constructor(
    private readonly reads: ReadStore,
    private readonly clock: Clock,
    private readonly perDay: number,
  ) {}

  /** Asked again, the first one stands. @throws DomainError ATTRIBUTION_UNKNOWN, ATTRIBUTION_PENDING, CHALLENGES_TOO_MANY */
  async open(requestId: string, reason: string, reader: Reader): Promise<Challenge> {
    const { answer } = await readable(this.reads, requestId, reader);
    if (!answer.result) {
      const message = `The answer ${requestId} is not attributed yet: there is nothing to challenge.`;
      throw new DomainError('not-found', 'ATTRIBUTION_PENDING', message);
    }
    const { personId } = reader;
    const id = derivedId(`${requestId} ${personId}`, 'challenge');
    const challenge = { id, requestId, personId, reason, challengedAt: this.clock.now() };
    const kept = await this.reads.insertChallenge(challenge, this.perDay);
    if (kept !== 'too-many') return kept;
    const message = `You may challenge ${this.perDay} scores within 24 hours.`;
    throw new DomainError('exhausted', 'CHALLENGES_TOO_MANY', message);
  }

  /** For whoever may read the answer. @throws DomainError CHALLENGE_UNKNOWN, ATTRIBUTION_UNKNOWN */
  async read(challengeId: string, reader: Reader): Promise<Challenge> {
    const challenge = await this.reads.challenge(challengeId);
    if (!challenge) {
      throw new DomainError('not-found', 'CHALLENGE_UNKNOWN', `There is no challenge ${challengeId}.`);
    }
    await readable(this.reads, challenge.requestId, reader);
    return challenge;
  }
}
