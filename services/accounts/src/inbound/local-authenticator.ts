import { Authenticator, type Principal } from '@openledger/auth';
import type { Authenticate } from '../application/authenticate.js';

/** Accounts asks itself without a network call. */
export class LocalAuthenticator extends Authenticator {
  constructor(private readonly authenticateCredential: Authenticate) {
    super();
  }

  authenticate(credential: string): Promise<Principal> {
    return this.authenticateCredential.run(credential);
  }
}
