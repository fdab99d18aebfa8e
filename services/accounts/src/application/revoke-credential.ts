import { type Clock, DomainError } from '@openledger/kernel';
import type { AccountsStore } from './ports.js';

export class RevokeCredential {
  constructor(
    private readonly store: AccountsStore,
    private readonly clock: Clock,
  ) {}

  /** Takes effect here at once, and in the other services within seconds. @throws DomainError CREDENTIAL_NOT_FOUND */
  async run(personId: string, credentialId: string): Promise<void> {
    const revoked = await this.store.transaction((tx) => tx.revoke(personId, credentialId, this.clock.now()));
    if (!revoked)
      throw new DomainError('not-found', 'CREDENTIAL_NOT_FOUND', 'You have no such credential in force.');
  }
}
