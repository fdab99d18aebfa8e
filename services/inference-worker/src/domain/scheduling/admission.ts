import { DomainError } from '@openledger/kernel';

export interface AdmissionLimits {
  /** Requests at hand, running or waiting. */
  readonly requestsMax: number;
  /** Tokens still to be computed for them, at most. */
  readonly tokensMax: number;
}

/** Tokens that a request may still need. */
export interface Demand {
  readonly prompt: number;
  readonly generated: number;
}

export interface Rates {
  /** Tokens per second; 0 where nothing was measured yet. */
  readonly prefill: number;
  readonly decode: number;
}

export type RefusalReason = 'requests' | 'tokens';

interface Guest {
  readonly tenant: string;
  demand: Demand;
}

const RETRY_SECONDS_MAX = 600;

/**
 * Who is taken in. Beyond the limits, tenants that hold less than an equal share of them are still let in, up
 * to twice the limits: a tenant that fills the queue does not close it to others.
 */
export class Admission {
  private readonly guests = new Map<number, Guest>();
  private readonly perTenant = new Map<string, { requests: number; tokens: number }>();
  private tokens = { prompt: 0, generated: 0 };

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly rates: () => Rates,
  ) {}

  get requests(): number {
    return this.guests.size;
  }

  get queuedTokens(): number {
    return this.tokens.prompt + this.tokens.generated;
  }

  /** Why a request is not taken in, if so. */
  refusal(tenant: string, demand: Demand): RefusalReason | undefined {
    const { requestsMax, tokensMax } = this.limits;
    const own = this.perTenant.get(tenant) ?? { requests: 0, tokens: 0 };
    const tenants = this.perTenant.size + (own.requests === 0 ? 1 : 0);
    const over = (used: number, mine: number, most: number) => used > (mine * tenants <= most ? 2 : 1) * most;
    if (over(this.guests.size + 1, own.requests + 1, requestsMax)) return 'requests';
    const asked = demand.prompt + demand.generated;
    // An idle worker takes any request that it can compute at all.
    if (this.guests.size === 0) return undefined;
    return over(this.queuedTokens + asked, own.tokens + asked, tokensMax) ? 'tokens' : undefined;
  }

  enter(id: number, tenant: string, demand: Demand): void {
    this.guests.set(id, { tenant, demand: { prompt: 0, generated: 0 } });
    const own = this.perTenant.get(tenant) ?? { requests: 0, tokens: 0 };
    this.perTenant.set(tenant, { ...own, requests: own.requests + 1 });
    this.update(id, demand);
  }

  /** What the request still needs. */
  update(id: number, demand: Demand): void {
    const guest = this.guests.get(id);
    const own = guest && this.perTenant.get(guest.tenant);
    if (!guest || !own) return;
    const prompt = demand.prompt - guest.demand.prompt;
    const generated = demand.generated - guest.demand.generated;
    guest.demand = demand;
    own.tokens += prompt + generated;
    this.tokens = { prompt: this.tokens.prompt + prompt, generated: this.tokens.generated + generated };
  }

  demandOf(id: number): Demand {
    return this.guests.get(id)?.demand ?? { prompt: 0, generated: 0 };
  }

  leave(id: number): void {
    this.update(id, { prompt: 0, generated: 0 });
    const guest = this.guests.get(id);
    const own = guest && this.perTenant.get(guest.tenant);
    if (!guest || !own) return;
    this.guests.delete(id);
    own.requests -= 1;
    if (own.requests === 0) this.perTenant.delete(guest.tenant);
  }

  /** Seconds until all that is at hand is computed, by the rates measured. */
  get backlogSeconds(): number {
    const { prefill, decode } = this.rates();
    const seconds = (tokens: number, rate: number) => (rate > 0 ? tokens / rate : 0);
    return seconds(this.tokens.prompt, prefill) + seconds(this.tokens.generated, decode);
  }

  /** Says when it is worth to come back: when as much is computed as an average request needs. */
  overloaded(reason: RefusalReason): DomainError {
    const average = this.backlogSeconds / Math.max(1, this.guests.size);
    const retryAfterSeconds = Math.min(RETRY_SECONDS_MAX, Math.max(1, Math.ceil(average)));
    const what = reason === 'requests' ? 'requests' : 'tokens';
    const message = `This worker has all the ${what} that it can hold: try again in ${retryAfterSeconds} s.`;
    return new DomainError('exhausted', 'OVERLOADED', message, { details: { retryAfterSeconds, reason } });
  }
}
