import { DomainError } from '@openledger/kernel';
import type { SettlementStore } from '../ports.js';
import type { Case } from './case-ports.js';

/** Ends a case by a person's word. Corrections, where they are needed, are transfers of their own. */
export class ResolveCase {
  constructor(private readonly store: SettlementStore) {}

  /** @throws DomainError CASE_UNKNOWN, CASE_RESOLVED */
  run(id: string, by: string, reason: string, now: Date): Promise<Case> {
    return this.store.transaction(async (tx) => {
      const resolved = await tx.cases.resolve(id, { at: now, by, reason });
      if (!resolved) throw new DomainError('not-found', 'CASE_UNKNOWN', 'There is no such case.');
      if (resolved.resolved?.by !== by || resolved.resolved.reason !== reason) {
        throw new DomainError('conflict', 'CASE_RESOLVED', 'The case was resolved before.', {
          details: { by: resolved.resolved?.by ?? '', reason: resolved.resolved?.reason ?? '' },
        });
      }
      if (resolved.freezes === 'channel') await tx.channels.unfreeze(resolved.subject);
      return resolved;
    });
  }
}
