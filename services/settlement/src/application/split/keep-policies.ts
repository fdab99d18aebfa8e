import { type Clock, DomainError } from '@openledger/kernel';
import { checkRoles, type RoleSplit } from '../../domain/split/split-fee.js';
import type { SplitPolicy } from '../../domain/split/split-policy.js';
import type { SettlementStore } from '../ports.js';

const PUBLIC_KEY = /^[0-9a-f]{64}$/;

/** How fees are shared, and whose workers are whose. */
export class KeepPolicies {
  constructor(
    private readonly store: SettlementStore,
    private readonly clock: Clock,
  ) {}

  /** Oldest first. */
  all(): Promise<SplitPolicy[]> {
    return this.store.transaction((tx) => tx.policies.all());
  }

  /**
   * Takes what configuration says from now on, where it is new; what governance said on chain stands above it.
   *
   * @throws DomainError SPLIT_NOT_WHOLE, SPLIT_OUT_OF_RANGE
   */
  configured(roles: RoleSplit): Promise<boolean> {
    checkRoles(roles);
    return this.store.transaction((tx) => tx.policies.save({ effectiveFrom: this.clock.now(), roles }));
  }

  /**
   * Pays the operator's share of what a worker answers to an organisation, from the next answer that is credited.
   *
   * @param publicKey of the worker's receipts: Ed25519, 64 hexadecimal digits
   * @throws DomainError NODE_KEY_INVALID
   */
  async nodeOf(publicKey: string, organisationId: string): Promise<void> {
    const key = publicKey.toLowerCase();
    if (!PUBLIC_KEY.test(key)) {
      const message = 'A worker’s key is its Ed25519 public key in 64 hexadecimal digits.';
      throw new DomainError('invalid', 'NODE_KEY_INVALID', message);
    }
    await this.store.transaction((tx) => tx.policies.saveNodeKey(key, organisationId));
  }
}
