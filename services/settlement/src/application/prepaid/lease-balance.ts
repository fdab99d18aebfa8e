import { DomainError } from '@openledger/kernel';
import { leased, payer } from '../../domain/ledger/accounts.js';
import { greater, lesser } from '../../domain/ledger/standing.js';
import { single } from '../../domain/ledger/transfer.js';
import { covers } from '../billing/budget-left.js';
import { grantFreeTier } from '../billing/grant-free-tier.js';
import { withinBudget } from '../billing/tell-budgets.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import { insufficient } from './hold-balance.js';
import type { Lease } from './lease-ports.js';
import { spendable } from './spendable.js';

export interface LeaseRequest {
  readonly leaseId: string;
  readonly organisationId: string;
  readonly wantedWei: bigint;
  readonly minimumWei: bigint;
}

export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly grantedWei: bigint; readonly useForMs: number }
  | { readonly kind: 'set-aside'; readonly retryAfterMs: number };

export interface LeasePolicy {
  readonly useForMs: number;
  readonly abandonAfterMs: number;
}

/** Beyond its minimum a lease takes this part of what is there, so that other gateways find something too. */
const SHARE = 4n;
/** Use of a lease that got less than it wanted: money that is scarce goes round quickly. */
const SCARCE_USE_MS = 2_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;

/** Sets money aside for many requests. Repeating a call with the same id and content changes nothing. */
export class LeaseBalance {
  constructor(
    private readonly store: SettlementStore,
    private readonly policy: LeasePolicy,
  ) {}

  /** @throws DomainError INSUFFICIENT_BALANCE, BUDGET_EXCEEDED, LEASE_CONFLICT, LEASE_ENDED */
  run(request: LeaseRequest, now: Date): Promise<LeaseAnswer> {
    return withinBudget(this.store, request.organisationId, now, (tx) => this.lease(tx, request, now));
  }

  private async lease(tx: SettlementTx, request: LeaseRequest, now: Date): Promise<LeaseAnswer> {
    const { leaseId, organisationId, wantedWei, minimumWei } = request;
    const found = await tx.leases.lock(leaseId);
    if (found) return sameLease(request, found, now);
    await grantFreeTier(tx, organisationId, now);
    const there = await spendable(tx, organisationId, now);
    if (there.availableWei < minimumWei) {
      if (there.availableWei + there.setAsideWei < minimumWei) {
        throw insufficient(minimumWei, there.availableWei);
      }
      return setAside(tx, organisationId, now);
    }
    if (!covers(there.budget, minimumWei, now)) return setAside(tx, organisationId, now);
    const mostWei = there.budget ? lesser(there.availableWei, there.budget.leftWei) : there.availableWei;
    const grantedWei = greater(minimumWei, lesser(wantedWei, mostWei / SHARE));
    const lease = this.leaseOf(request, grantedWei, now);
    if (!(await tx.leases.insert(lease))) return sameLease(request, await tx.leases.lock(leaseId), now);
    await tx.ledger.post([
      single({
        debit: payer(organisationId),
        credit: leased(organisationId),
        amountWei: grantedWei,
        reason: 'lease',
        reference: leaseId,
      }),
    ]);
    return granted(lease, now);
  }

  private leaseOf(request: LeaseRequest, grantedWei: bigint, now: Date): Lease {
    const { useForMs, abandonAfterMs } = this.policy;
    const useMs = grantedWei < request.wantedWei ? Math.min(SCARCE_USE_MS, useForMs) : useForMs;
    return {
      id: request.leaseId,
      organisationId: request.organisationId,
      wantedWei: request.wantedWei,
      minimumWei: request.minimumWei,
      grantedWei,
      spentWei: 0n,
      receipts: 0,
      useUntil: new Date(now.getTime() + useMs),
      abandonAt: new Date(now.getTime() + useMs + abandonAfterMs),
      state: 'open',
    };
  }
}

function sameLease(request: LeaseRequest, found: Lease | undefined, now: Date): LeaseAnswer {
  if (found?.organisationId === '') throw ended();
  const same =
    found?.organisationId === request.organisationId &&
    found.wantedWei === request.wantedWei &&
    found.minimumWei === request.minimumWei;
  if (!found || !same) {
    const message = 'this lease id stands for something else; use a new id';
    throw new DomainError('conflict', 'LEASE_CONFLICT', message);
  }
  if (found.state === 'open' && found.receiptsTold === undefined) return granted(found, now);
  throw ended();
}

const ended = (): DomainError =>
  new DomainError('conflict', 'LEASE_ENDED', 'this lease was given back; use a new id');

const granted = (lease: Lease, now: Date): LeaseAnswer => ({
  kind: 'granted',
  grantedWei: lease.grantedWei,
  useForMs: Math.max(0, lease.useUntil.getTime() - now.getTime()),
});

/** The money is there, and comes back when what it is set aside for has ended. */
async function setAside(tx: SettlementTx, organisationId: string, now: Date): Promise<LeaseAnswer> {
  const end = await tx.leases.nextUseEnd(organisationId);
  const leftMs = end === undefined ? RETRY_MIN_MS : end.getTime() - now.getTime();
  return { kind: 'set-aside', retryAfterMs: Math.min(Math.max(leftMs, RETRY_MIN_MS), RETRY_MAX_MS) };
}
