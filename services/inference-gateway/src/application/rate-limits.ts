import { type Clock, DomainError } from '@openledger/kernel';
import { type BucketState, TokenBucket } from '../domain/token-bucket.js';
import type { Payer } from './payer.js';

export interface RateLimitsOptions {
  /** For credentials that have no limit of their own. */
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly clock: Clock;
}

type Asker = Pick<Payer, 'credentialId' | 'limits'>;

export interface RateState {
  readonly requests: BucketState;
  readonly tokens: BucketState;
}

/** What a request has taken; its tokens are settled once, when it is known how many it used. */
export interface Admission {
  readonly state: RateState;
  settle(usedTokens: number): void;
}

interface Buckets {
  readonly requests: TokenBucket;
  readonly tokens: TokenBucket;
}

/** Credentials remembered; the one that asked longest ago is forgotten first, which fills its buckets. */
const CREDENTIALS_MAX = 100_000;

/** Requests and tokens a minute for each credential, in this process. */
export class RateLimits {
  /** In order of last use. */
  private readonly buckets = new Map<string, Buckets>();

  constructor(private readonly options: RateLimitsOptions) {}

  /** How a credential stands, without taking anything. */
  state(asker: Asker): RateState {
    return this.stateOf(this.bucketsOf(asker));
  }

  /**
   * Takes one request and the most tokens that it may use.
   *
   * @throws DomainError RATE_LIMIT_EXCEEDED with `retryAfterMs`, REQUEST_OVER_LIMIT for one that never fits
   */
  admit(asker: Asker, tokensMax: number): Admission {
    const buckets = this.bucketsOf(asker);
    const now = this.now();
    for (const [unit, bucket, amount] of [
      ['requests', buckets.requests, 1],
      ['tokens', buckets.tokens, tokensMax],
    ] as const) {
      const wait = bucket.waitMs(amount, now);
      if (wait > 0) throw refusal(unit, bucket.limit, amount, wait);
    }
    buckets.requests.take(1, now);
    buckets.tokens.take(tokensMax, now);
    let settled = false;
    return {
      state: this.stateOf(buckets),
      settle: (usedTokens) => {
        if (settled) return;
        settled = true;
        buckets.tokens.giveBack(Math.max(0, tokensMax - usedTokens));
      },
    };
  }

  private bucketsOf({ credentialId, limits }: Asker): Buckets {
    const requests = limits?.requestsPerMinute ?? this.options.requestsPerMinute;
    const tokens = limits?.tokensPerMinute ?? this.options.tokensPerMinute;
    const known = this.buckets.get(credentialId);
    const current =
      known?.requests.limit === requests && known.tokens.limit === tokens
        ? known
        : { requests: new TokenBucket(requests), tokens: new TokenBucket(tokens) };
    this.buckets.delete(credentialId);
    this.buckets.set(credentialId, current);
    const [oldest] = this.buckets.keys();
    if (this.buckets.size > CREDENTIALS_MAX && oldest !== undefined) this.buckets.delete(oldest);
    return current;
  }

  private stateOf({ requests, tokens }: Buckets): RateState {
    const now = this.now();
    return { requests: requests.state(now), tokens: tokens.state(now) };
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}

function refusal(unit: 'requests' | 'tokens', limit: number, amount: number, waitMs: number): DomainError {
  if (waitMs === Number.POSITIVE_INFINITY) {
    const message = `This request may use ${amount} tokens and your limit is ${limit} a minute: ask for fewer by max_tokens.`;
    return new DomainError('invalid', 'REQUEST_OVER_LIMIT', message, {
      details: { param: 'max_tokens', limit },
    });
  }
  const seconds = Math.ceil(waitMs / 1_000);
  return new DomainError(
    'exhausted',
    'RATE_LIMIT_EXCEEDED',
    `Your limit of ${limit} ${unit} a minute is used up: try again in ${seconds} s.`,
    { details: { unit, limit, retryAfterSeconds: seconds, retryAfterMs: Math.ceil(waitMs) } },
  );
}
