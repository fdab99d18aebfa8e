import type { ServerResponse } from 'node:http';
import { canonicalJson, DomainError, type Json, sha256 } from '@openledger/kernel';
import type { IdempotencyBook, KeptReply, KeyedRequest } from '../../application/idempotency.js';
import { ReplyRecording } from './reply-recording.js';
import { callerGone } from './server-sent-events.js';

/** Where an answer goes, and whether anybody still waits for it. */
export interface Reply {
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
}

export interface ReplyTo {
  readonly organisationId: string;
  /** `Idempotency-Key`, where the caller sent one. */
  readonly key: string | undefined;
  readonly route: string;
  readonly body: Json;
}

export interface RepliesOptions {
  readonly book: IdempotencyBook;
  /** A claim is renewed well within its time. */
  readonly renewMs: number;
  readonly onError: (error: unknown) => void;
}

const KEY_LENGTH_MAX = 255;

/**
 * Answers a request that carries an `Idempotency-Key` once, however often it is sent: it runs to its end even when
 * its caller leaves, and whoever sends it again gets the same bytes. What failed is not kept, so it can be tried
 * again; nothing was billed for it.
 */
export class Replies {
  constructor(private readonly options: RepliesOptions) {}

  /** @throws DomainError IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_REUSED, IDEMPOTENT_REQUEST_RUNNING */
  async give(to: ReplyTo, response: ServerResponse, work: (reply: Reply) => Promise<void>): Promise<void> {
    if (to.key === undefined) return work({ response, gone: callerGone(response) });
    const request = keyed(to, to.key);
    const claim = await this.options.book.claim(request);
    switch (claim.kind) {
      case 'answered':
        return replay(claim.reply, response);
      case 'different':
        throw reused();
      case 'running':
        throw running();
      case 'ours':
        return this.record(request, claim.claimId, { response, gone: new AbortController().signal }, work);
    }
  }

  private async record(
    request: KeyedRequest,
    claimId: string,
    reply: Reply,
    work: (reply: Reply) => Promise<void>,
  ): Promise<void> {
    const { book, renewMs, onError } = this.options;
    const recording = new ReplyRecording(reply.response);
    const renewal = setInterval(() => void book.renew(request, claimId).catch(onError), renewMs);
    try {
      await work(reply);
    } finally {
      clearInterval(renewal);
      const { kept } = recording;
      // The caller has the answer: that it is not kept only costs him his second try.
      await (kept ? book.keep(request, claimId, kept) : book.release(request, claimId)).catch(onError);
      recording.stop();
    }
  }
}

function keyed({ organisationId, route, body }: ReplyTo, key: string): KeyedRequest {
  if (key.length === 0 || key.length > KEY_LENGTH_MAX) {
    const message = `An Idempotency-Key has 1 to ${KEY_LENGTH_MAX} characters.`;
    throw new DomainError('invalid', 'IDEMPOTENCY_KEY_INVALID', message);
  }
  return { organisationId, key, fingerprint: fingerprintOf({ route, body }) };
}

function fingerprintOf(content: Json): string {
  try {
    return sha256(canonicalJson(content));
  } catch (cause) {
    const message =
      'With an Idempotency-Key a body has no numbers beyond 1e308 and is not nested thousands deep.';
    throw new DomainError('invalid', 'REQUEST_MALFORMED', message, { cause });
  }
}

function replay({ headers, body }: KeptReply, response: ServerResponse): void {
  response.statusCode = 200;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('idempotent-replayed', 'true');
  response.end(body);
}

const reused = (): DomainError =>
  new DomainError(
    'invalid',
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key was sent with another request: make a new one for each.',
  );

const running = (): DomainError =>
  new DomainError(
    'conflict',
    'IDEMPOTENT_REQUEST_RUNNING',
    'The request with this Idempotency-Key is still being answered: send it again shortly.',
    { details: { retryAfterSeconds: 1 } },
  );
