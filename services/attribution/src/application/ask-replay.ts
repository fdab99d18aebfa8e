import { DomainError } from '@openledger/kernel';
import { type Reader, readable } from './access.js';
import type { Replay } from './ports.js';
import type { ReadStore, ReplayStatus } from './store-port.js';

export interface AskReplayOptions {
  /** How long a caller waits before he is told to come back. */
  readonly waitMs: number;
  readonly pollMs: number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A replay is not made again within that time: nothing that it depends on changes without a trace. */
const FRESH_MS = 60_000;
/** Of one person, at a time. */
const WAITING_MAX = 4;
const COME_BACK_SECONDS = 10;

/** Has a score computed again, and waits for it for a while. */
export class AskReplay {
  constructor(
    private readonly reads: ReadStore,
    private readonly options: AskReplayOptions,
  ) {}

  /** @throws DomainError ATTRIBUTION_UNKNOWN, ATTRIBUTION_PENDING, REPLAYS_TOO_MANY, REPLAY_PENDING, REPLAY_FAILED */
  async run(requestId: string, reader: Reader, signal: AbortSignal): Promise<Replay> {
    const { answer } = await readable(this.reads, requestId, reader);
    if (!answer.result) {
      const message = `The answer ${requestId} is not attributed yet: there is nothing to compute again.`;
      throw new DomainError('not-found', 'ATTRIBUTION_PENDING', message);
    }
    const { personId } = reader;
    const asked = await this.reads.askReplay({
      requestId,
      personId,
      freshMs: FRESH_MS,
      waitingMax: WAITING_MAX,
    });
    if (asked === 'too-many') {
      const message = `${WAITING_MAX} replays that you asked for are waiting: ask again when they are done.`;
      throw new DomainError('exhausted', 'REPLAYS_TOO_MANY', message, {
        details: { retryAfterSeconds: COME_BACK_SECONDS },
      });
    }
    return this.outcome(requestId, asked, signal);
  }

  private async outcome(requestId: string, asked: ReplayStatus, signal: AbortSignal): Promise<Replay> {
    const { waitMs, pollMs, sleep } = this.options;
    let status: ReplayStatus | undefined = asked;
    for (
      let waited = 0;
      status?.state === 'waiting' && waited < waitMs && !signal.aborted;
      waited += pollMs
    ) {
      await sleep(pollMs);
      status = await this.reads.replay(requestId);
    }
    if (status?.replay) return status.replay;
    if (status?.state === 'failed') {
      throw new DomainError(
        'conflict',
        'REPLAY_FAILED',
        `The score could not be computed again. ${status.failure}`,
      );
    }
    throw new DomainError('unavailable', 'REPLAY_PENDING', 'The score is still being computed: ask again.', {
      details: { retryAfterSeconds: COME_BACK_SECONDS },
    });
  }
}
