import { DomainError, newId } from '@openledger/kernel';
import { SpendLease } from '../domain/spend-lease.js';
import { wantedWei } from '../domain/spend-pace.js';
import { type Asked, LeaseAccount, sumOf } from './lease-account.js';
import type { Balances, LeaseBook, Lender, Reservation, SpendRequest } from './payment-ports.js';

export interface SpendLeasesParts {
  readonly lender: Lender;
  readonly book: LeaseBook;
  /** For when no lease can be had. */
  readonly holds: Balances;
  /** Milliseconds of a clock that only runs forward: leases are told as durations. */
  readonly elapsedMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Told of what is tried again later. */
  readonly onError: (error: unknown) => void;
  readonly onOutcome: (outcome: Asked['kind'] | 'returned') => void;
}

/** Organisations with leases at a time; further ones are served by holds. */
const ACCOUNTS_MAX = 10_000;
/** How long a request waits for money that others have set aside; longer than a lease is used. */
const WAIT_MS = 15_000;
/** After settlement had nothing, it is not asked ahead of need. */
const QUIET_MS = 1_000;
const UNRETURNED_MAX = 100;
const RETRY_MIN_MS = 100;

/**
 * Pays requests from leases: no call and no wait while the organisation's lease has room. It is renewed before it runs
 * dry or out, and goes back when it has, with the number of receipts that name it.
 */
export class SpendLeases implements Balances {
  private readonly accounts = new Map<string, LeaseAccount>();
  private closed = false;

  constructor(private readonly parts: SpendLeasesParts) {}

  async reserveAll(requests: readonly SpendRequest[]): Promise<readonly Reservation[]> {
    const account = this.accountOf(requests[0]?.organisationId ?? '');
    if (account === undefined) return this.parts.holds.reserveAll(requests);
    const mostWei = requests.map((request) => request.mostWei);
    const lease = account.take(mostWei, this.parts.elapsedMs()) ?? (await this.wait(account, mostWei));
    if (lease === undefined) return this.parts.holds.reserveAll(requests);
    if (account.isLow(this.parts.elapsedMs())) void this.ask(account, sumOf(mostWei));
    return mostWei.map((wei) => this.reservation(account, lease, wei));
  }

  /** Leases at hand, of all organisations. */
  get held(): number {
    return [...this.accounts.values()].reduce((sum, { all }) => sum + all.length, 0);
  }

  /** Gives back what is used up or out of time. Never throws. */
  async sweep(): Promise<void> {
    const nowMs = this.parts.elapsedMs();
    const finished: SpendLease[] = [];
    for (const [organisationId, account] of this.accounts) {
      finished.push(...account.takeFinished(nowMs));
      if (account.isEmpty) this.accounts.delete(organisationId);
    }
    await Promise.all(finished.map(({ id }) => this.giveBack(id)));
  }

  /** Keeps the leases in use here, and gives back those of gateways that are gone. Never throws. */
  async tend(): Promise<void> {
    const { book, onError } = this.parts;
    try {
      const leases = [...this.accounts.values()].flatMap(({ all }) => all);
      const kept = new Set(leases.length > 0 ? await book.keepAlive(leases.map(({ id }) => id)) : []);
      const lost = await book.unreturned(UNRETURNED_MAX);
      // One of ours was closed by another gateway, which took this one for gone.
      for (const lease of leases) if (!kept.has(lease.id) || lost.includes(lease.id)) lease.end();
      await Promise.all(lost.map((id) => this.giveBack(id)));
    } catch (error) {
      onError(error);
    }
  }

  /** Gives everything back that no request runs on; what is left runs out by itself. */
  async close(): Promise<void> {
    this.closed = true;
    const accounts = [...this.accounts.values()];
    await Promise.all(accounts.flatMap(({ asking }) => (asking ? [asking] : [])));
    const leases = accounts.flatMap(({ all }) => all);
    for (const lease of leases) lease.end();
    await this.sweep();
  }

  private accountOf(organisationId: string): LeaseAccount | undefined {
    if (this.closed) return undefined;
    const known = this.accounts.get(organisationId);
    if (known || this.accounts.size >= ACCOUNTS_MAX) return known;
    const account = new LeaseAccount(organisationId, this.parts.elapsedMs());
    this.accounts.set(organisationId, account);
    return account;
  }

  /** Undefined when no lease can be had, whatever money there is. */
  private async wait(account: LeaseAccount, mostWei: readonly bigint[]): Promise<SpendLease | undefined> {
    const { elapsedMs } = this.parts;
    const deadlineMs = elapsedMs() + WAIT_MS;
    const totalWei = sumOf(mostWei);
    account.waitingWei += totalWei;
    try {
      while (elapsedMs() >= account.brokenUntilMs) {
        const asked = await this.ask(account, totalWei);
        const lease = account.take(mostWei, elapsedMs());
        if (lease) return lease;
        // What lies about here in pieces that are too small may be what is missing.
        if (asked.kind === 'set-aside') await this.giveBackIdle(account);
        await this.parts.pause(waitOf(asked, totalWei, deadlineMs - elapsedMs()));
      }
      return undefined;
    } finally {
      account.waitingWei -= totalWei;
    }
  }

  /** Joins the call that is under way. Never throws. */
  private ask(account: LeaseAccount, minimumWei: bigint): Promise<Asked> {
    account.asking ??= this.askLender(account, minimumWei).then((asked) => {
      account.asking = undefined;
      this.parts.onOutcome(asked.kind);
      return asked;
    });
    return account.asking;
  }

  private async askLender(account: LeaseAccount, minimumWei: bigint): Promise<Asked> {
    const { lender, book, elapsedMs } = this.parts;
    const { organisationId } = account;
    const leaseId = newId();
    try {
      await book.open(leaseId, organisationId);
      const sentMs = elapsedMs();
      const wanted = wantedWei(account.need(minimumWei, sentMs));
      const answer = await lender.lease({ leaseId, organisationId, minimumWei, wantedWei: wanted });
      if (answer.kind === 'granted') {
        account.add(new SpendLease(leaseId, answer.grantedWei, sentMs + answer.useForMs), elapsedMs());
        return { kind: 'granted' };
      }
      account.quietUntilMs = elapsedMs() + QUIET_MS;
      await book.forget(leaseId);
      return { ...answer, minimumWei };
    } catch (error) {
      account.quietUntilMs = elapsedMs() + QUIET_MS;
      if (error instanceof DomainError && error.kind === 'payment-required') {
        await book.forget(leaseId).catch(this.parts.onError);
        return { kind: 'refused', minimumWei, error };
      }
      // Settlement may have granted it all the same: the book keeps it, and it is given back as one that nobody uses.
      account.brokenUntilMs = elapsedMs() + QUIET_MS;
      this.parts.onError(error);
      return { kind: 'failed' };
    }
  }

  private async giveBackIdle(account: LeaseAccount): Promise<void> {
    for (const lease of account.all) if (!lease.isInUse) lease.end();
    await Promise.all(account.takeFinished(this.parts.elapsedMs()).map(({ id }) => this.giveBack(id)));
  }

  private async giveBack(leaseId: string): Promise<void> {
    const { book, lender, onError } = this.parts;
    try {
      const receipts = await book.close(leaseId);
      if (receipts === undefined) return;
      await lender.returnLease(leaseId, receipts);
      await book.forget(leaseId);
      this.parts.onOutcome('returned');
    } catch (error) {
      onError(error);
    }
  }

  private reservation(account: LeaseAccount, lease: SpendLease, mostWei: bigint): Reservation {
    let open = true;
    const end = (spentWei: bigint) => {
      if (open) account.settle(lease, mostWei, spentWei, this.parts.elapsedMs());
      open = false;
    };
    return {
      holdId: lease.id,
      spend: end,
      forfeit: () => end(mostWei),
      release: async () => end(0n),
    };
  }
}

/** Milliseconds until it is worth asking again. @throws DomainError FUNDS_LEASED, what settlement refused with */
function waitOf(asked: Asked, mostWei: bigint, leftMs: number): number {
  if (asked.kind === 'failed') return 0;
  // What somebody who needs more was told says nothing about this request.
  const isAboutThis = asked.kind !== 'granted' && asked.minimumWei <= mostWei;
  if (isAboutThis && asked.kind === 'refused') throw asked.error;
  const waitMs = isAboutThis && asked.kind === 'set-aside' ? asked.retryAfterMs : 0;
  if (waitMs >= leftMs) throw fundsLeased(Math.max(waitMs, RETRY_MIN_MS));
  return waitMs;
}

const fundsLeased = (retryAfterMs: number): DomainError =>
  new DomainError(
    'exhausted',
    'FUNDS_LEASED',
    'The balance is enough, but all of it is set aside for requests that are running: try again shortly.',
    { details: { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000), retryAfterMs } },
  );
