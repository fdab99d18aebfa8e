/** What a tenant is charged for a token (Sheng et al. 2024, section 3.2). */
export const PROMPT_TOKEN_WEIGHT = 1;
const GENERATED_TOKEN_WEIGHT = 2;

/**
 * Weighted tokens that a tenant which comes back is behind those at work: a burst of a few requests goes
 * before the queue of a tenant that floods. In the paper it is none, and the second request of a burst
 * waits as long as its tenant's first took; the bound on what tenants are ahead of one another grows by it.
 */
export const BURST_TOKENS = 1_024;

/** Tenants without requests whose counters are remembered; of more, the longest idle is forgotten. */
const IDLE_TENANTS_MAX = 10_000;

interface Account {
  counter: number;
  /** Requests waiting or running. */
  requests: number;
}

/**
 * Virtual Token Counter (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024, algorithm 2):
 * every tenant is charged for what it was served, and the one charged least is next. A tenant that comes
 * back is lifted to a burst below the least of those at work, so that nobody saves up turns by staying away;
 * with that, what two backlogged tenants were served differs by a bound that does not grow with time.
 */
export class VirtualCounters {
  /** In order of last activity. */
  private readonly accounts = new Map<string, Account>();
  private active = 0;
  /** The counter of the last tenant that left: where a newcomer to an idle engine starts. */
  private floor = 0;

  /** A request has come; its tenant takes part until as many have left. */
  arrive(tenant: string): void {
    const known = this.accounts.get(tenant);
    const account = known ?? { counter: 0, requests: 0 };
    if (account.requests === 0) {
      // A flood that begins is no burst of somebody who used less than others before.
      account.counter = Math.max(account.counter, this.least() - (known ? BURST_TOKENS : 0));
      this.active += 1;
    }
    account.requests += 1;
    this.accounts.delete(tenant);
    this.accounts.set(tenant, account);
  }

  leave(tenant: string): void {
    const account = this.accounts.get(tenant);
    if (!account || account.requests === 0) return;
    account.requests -= 1;
    if (account.requests > 0) return;
    this.active -= 1;
    this.floor = account.counter;
    this.accounts.delete(tenant);
    this.accounts.set(tenant, account);
    this.forgetIdle();
  }

  /** Tokens computed for the tenant; negative where fewer were needed than were charged. */
  charge(tenant: string, tokens: { readonly prompt?: number; readonly generated?: number }): void {
    const account = this.accounts.get(tenant);
    if (!account) return;
    const { prompt = 0, generated = 0 } = tokens;
    account.counter += PROMPT_TOKEN_WEIGHT * prompt + GENERATED_TOKEN_WEIGHT * generated;
  }

  of(tenant: string): number {
    return this.accounts.get(tenant)?.counter ?? 0;
  }

  /** Tenants that have requests. */
  get tenants(): number {
    return this.active;
  }

  /** Between the tenants charged most and least of those given, in weighted tokens. */
  gap(tenants: Iterable<string>): number {
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (const tenant of tenants) {
      const counter = this.of(tenant);
      least = Math.min(least, counter);
      most = Math.max(most, counter);
    }
    return most > least ? most - least : 0;
  }

  /** What tenants at work were charged, at least. */
  private least(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { counter, requests } of this.accounts.values()) {
      if (requests > 0 && counter < least) least = counter;
    }
    return least === Number.POSITIVE_INFINITY ? this.floor : least;
  }

  private forgetIdle(): void {
    let idle = this.accounts.size - this.active;
    for (const [tenant, { requests }] of this.accounts) {
      if (idle <= IDLE_TENANTS_MAX) return;
      if (requests > 0) continue;
      this.accounts.delete(tenant);
      idle -= 1;
    }
  }
}
