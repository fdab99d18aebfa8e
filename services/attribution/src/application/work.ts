import { DomainError } from '@openledger/kernel';
import { FINAL_REASONS } from './ports.js';
import type { WorkKey, WorkStore } from './store-port.js';

/** After that many attempts a piece of work is given up, and its reason shown. */
const ATTEMPTS_MAX = 5;

/** One kind of work that waits in the store. */
export interface WorkKind {
  /** Does the piece that waits longest to its end; false when none waits. */
  next(signal: AbortSignal): Promise<boolean>;
}

/** Why a piece of work failed, in the words that its readers see. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface AttemptOptions {
  readonly store: WorkStore;
  /** Wait before the second attempt; doubles with each. */
  readonly retryMs: number;
  readonly onError: (error: unknown) => void;
}

export interface Piece {
  readonly key: WorkKey;
  /** 1 for the first. */
  readonly attempt: number;
  readonly work: () => Promise<void>;
  /** What is done instead of it after the last attempt; marks it as failed where absent. */
  readonly giveUp?: (failure: Failure) => Promise<void>;
}

/** Pieces of work that may fail: tried again with growing pauses, then given up. */
export class Attempts {
  constructor(private readonly options: AttemptOptions) {}

  /** `signal` is the host's wish to stop, which is no failure of the work. */
  async run(piece: Piece, signal: AbortSignal): Promise<void> {
    try {
      if (piece.attempt > ATTEMPTS_MAX) throw new Error('the process ended at every attempt');
      await piece.work();
    } catch (error) {
      if (signal.aborted) return this.options.store.putBack(piece.key);
      if (!(error instanceof DomainError)) this.options.onError(error);
      await this.failed(piece, failureOf(error));
    }
  }

  async failed({ key, attempt, giveUp }: Piece, failure: Failure): Promise<void> {
    const { store, retryMs } = this.options;
    const text = `${failure.code}: ${failure.message}`;
    if (attempt < ATTEMPTS_MAX && !FINAL_REASONS.has(failure.code)) {
      return store.retryIn(key, retryMs * 2 ** (attempt - 1), text);
    }
    return giveUp ? giveUp(failure) : store.fail(key, text);
  }
}

const failureOf = (error: unknown): Failure =>
  error instanceof DomainError
    ? { code: error.code, message: error.message }
    : { code: 'INTERNAL', message: 'attribution stopped on our side; see the log of the service.' };
