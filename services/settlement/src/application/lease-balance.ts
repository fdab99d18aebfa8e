import { DomainError } from '@openledger/kernel';
import { leased, payer } from '../domain/accounts.js';
import { availableOf, greater, lesser, setAsideOf } from '../domain/standing.js';
import { single } from '../domain/transfer.js';
import { insufficient } from './hold-balance.js';
import type { Lease } from './lease-ports.js';
import type { SettlementStore, SettlementTx } from './ports.js';

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

  /** @throws DomainError INSUFFICIENT_BALANCE, LEASE_CONFLICT, LEASE_ENDED */
  run(request: LeaseRequest, now: Date): Promise<LeaseAnswer> {
    const { leaseId, organisationId, wantedWei, minimumWei } = request;
    return this.store.transaction(async (tx) => {
      const found = await tx.leases.lock(leaseId);
      if (found) return sameLease(request, found, now);
      // In the order of their ids, as every batch of transfers locks them.
      const lentWei = availableOf(await tx.ledger.lock(leased(organisationId)));
      const standing = await tx.ledger.lock(payer(organisationId));
      const availableWei = availableOf(standing);
      if (availableWei < minimumWei) {
        const ownedWei = availableWei + lentWei + setAsideOf(standing);
        if (ownedWei < minimumWei) throw insufficient(minimumWei, availableWei);
        return { kind: 'set-aside', retryAfterMs: await retryAfterMs(tx, organisationId, now) };
      }
      const grantedWei = greater(minimumWei, lesser(wantedWei, availableWei / SHARE));
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
    });
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
  const same =
    found?.organisationId === request.organisationId &&
    found.wantedWei === request.wantedWei &&
    found.minimumWei === request.minimumWei;
  if (!found || !same) {
    const message = 'this lease id stands for something else; use a new id';
    throw new DomainError('conflict', 'LEASE_CONFLICT', message);
  }
  if (found.state === 'open' && found.receiptsTold === undefined) return granted(found, now);
  throw new DomainError('conflict', 'LEASE_ENDED', 'this lease was given back; use a new id');
}

const granted = (lease: Lease, now: Date): LeaseAnswer => ({
  kind: 'granted',
  grantedWei: lease.grantedWei,
  useForMs: Math.max(0, lease.useUntil.getTime() - now.getTime()),
});

async function retryAfterMs(tx: SettlementTx, organisationId: string, now: Date): Promise<number> {
  const end = await tx.leases.nextUseEnd(organisationId);
  const leftMs = end === undefined ? RETRY_MIN_MS : end.getTime() - now.getTime();
  return Math.min(Math.max(leftMs, RETRY_MIN_MS), RETRY_MAX_MS);
}
