import { Authenticator, type Principal, SCOPES } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';

/** Knows the callers that a test names. What is not said of one is harmless: a person who may do everything. */
export class KnownCallers extends Authenticator {
  constructor(private readonly find: (credential: string) => Partial<Principal> | undefined) {
    super();
  }

  async authenticate(credential: string): Promise<Principal> {
    const known = this.find(credential);
    if (known === undefined) {
      throw new DomainError('unauthenticated', 'CREDENTIAL_UNKNOWN', 'Nobody by this credential.');
    }
    return {
      personId: 'person',
      walletAddress: '0x0',
      scopes: new Set(SCOPES),
      credentialId: credential,
      ...known,
    };
  }
}
