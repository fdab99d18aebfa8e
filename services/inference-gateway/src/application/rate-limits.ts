import { DomainError } from '@openledger/kernel';
import { type BucketState, TokenBucket } from '../domain/token-bucket.js';
import type { Payer } from './payer.js';

export interface RateLimitsOptions {
  /** For credentials that have no limit of their own. */
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** Milliseconds of a clock that only runs forward. */
  readonly elapsedMs: () => number;
  readonly onRefused: (unit: LimitedUnit) => void;
}

export type LimitedUnit = 'requests' | 'tokens';

type Asker = Pick<Payer, 'credentialId' | 'limits'>;

export interface RateState {
  readonly requests: BucketState;
  readonly tokens: BucketState;
}

/** One request that was let in; its tokens are reserved, and settled once, when it is known how many it used. */
export interface Admission {
  /**
   * Takes the most tokens that the request may use.
   *
   * @throws DomainError RATE_LIMIT_EXCEEDED with `retryAfterMs`, REQUEST_OVER_LIMIT for one that never fits
   */
  reserve(tokensMax: number): void;
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
   * Takes one request, before any work is done for it: what is refused later has counted as well.
   *
   * @throws DomainError RATE_LIMIT_EXCEEDED with `retryAfterMs`
   */
  admit(asker: Asker): Admission {
    const buckets = this.bucketsOf(asker);
    this.refuseEmpty('requests', buckets.requests, 1);
    this.refuseEmpty('tokens', buckets.tokens, 1);
    buckets.requests.take(1, this.now());
    let reserved = 0;
    return {
      reserve: (tokensMax) => {
        this.refuseEmpty('tokens', buckets.tokens, tokensMax);
        buckets.tokens.take(tokensMax, this.now());
        reserved = tokensMax;
      },
      settle: (usedTokens) => {
        buckets.tokens.giveBack(Math.max(0, reserved - usedTokens));
        reserved = 0;
      },
    };
  }

  private refuseEmpty(unit: LimitedUnit, bucket: TokenBucket, amount: number): void {
    const waitMs = bucket.waitMs(amount, this.now());
    if (waitMs === 0) return;
    this.options.onRefused(unit);
    throw refusal(unit, bucket.limit, amount, waitMs);
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
    if (this.buckets.size > CREDENTIALS_MAX) this.forgetOldest();
    return current;
  }

  private forgetOldest(): void {
    const [oldest] = this.buckets.keys();
    if (oldest !== undefined) this.buckets.delete(oldest);
  }

  private stateOf({ requests, tokens }: Buckets): RateState {
    const now = this.now();
    return { requests: requests.state(now), tokens: tokens.state(now) };
  }

  private now(): number {
    return this.options.elapsedMs();
  }
}

function refusal(unit: LimitedUnit, limit: number, amount: number, waitMs: number): DomainError {
  if (waitMs === Number.POSITIVE_INFINITY) {
    const message = `This request may use ${amount} tokens and your limit is ${limit} a minute: send less text, or ask for fewer by max_tokens.`;
    return new DomainError('invalid', 'REQUEST_OVER_LIMIT', message, { details: { limit } });
  }
  const seconds = Math.ceil(waitMs / 1_000);
  return new DomainError(
    'exhausted',
    'RATE_LIMIT_EXCEEDED',
    `Your limit of ${limit} ${unit} a minute is used up: try again in ${seconds} s.`,
    { details: { unit, limit, retryAfterSeconds: seconds, retryAfterMs: Math.ceil(waitMs) } },
  );
}
