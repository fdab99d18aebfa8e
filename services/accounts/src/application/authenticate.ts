import { type Clock, DomainError } from '@openledger/kernel';
import { parseCredential } from '../domain/credential-text.js';
import type { AccountsStore, CredentialHolder, KeyLimits, Secrets } from './ports.js';

/** How exact `lastUsedAt` is: a write per request would cost more than it tells. */
const LAST_USED_STEP_MS = 60_000;

export interface Holder {
  readonly personId: string;
  readonly organisationId?: string;
  readonly walletAddress: string;
  readonly scopes: ReadonlySet<string>;
  readonly credentialId: string;
  readonly limits: KeyLimits;
  readonly expiresAt?: Date;
}

export interface Grants {
  /** All scopes there are. */
  readonly scopes: readonly string[];
  /** Scopes that only the wallets of operators hold, whatever a key says. */
  readonly operatorScopes: ReadonlySet<string>;
  /** In lower case. */
  readonly operatorWallets: ReadonlySet<string>;
}

interface Parts {
  readonly store: AccountsStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly grants: Grants;
}

/** Answers who presents a credential. */
export class Authenticate {
  constructor(private readonly parts: Parts) {}

  /** @throws DomainError CREDENTIAL_UNKNOWN, CREDENTIAL_EXPIRED, CREDENTIAL_REVOKED */
  async run(text: string): Promise<Holder> {
    const { store, secrets, clock } = this.parts;
    const presented = parseCredential(text);
    const found = presented && (await store.findHolder(presented.id));
    const digest = secrets.digest('credential', presented?.secret ?? '');
    if (
      !found ||
      found.credential.kind !== presented.kind ||
      !secrets.same(digest, found.credential.digest)
    ) {
      throw refused('CREDENTIAL_UNKNOWN', 'This key or session is not known: check for typing errors.');
    }
    const { credential } = found;
    const now = clock.now();
    if (credential.revokedAt) throw refused('CREDENTIAL_REVOKED', 'This key or session was revoked.');
    if (credential.expiresAt && credential.expiresAt <= now)
      throw refused('CREDENTIAL_EXPIRED', 'This key or session has expired: make a new one.');
    if (now.getTime() - (credential.lastUsedAt?.getTime() ?? 0) >= LAST_USED_STEP_MS)
      await store.markUsed(credential.credentialId, now);
    return this.holderOf(found);
  }

  private holderOf({ credential, walletAddress, newestOrganisationId }: CredentialHolder): Holder {
    const { scopes, operatorScopes, operatorWallets } = this.parts.grants;
    const isOperator = operatorWallets.has(walletAddress.toLowerCase());
    const given = credential.kind === 'session' ? scopes : credential.scopes;
    const organisationId = credential.kind === 'session' ? newestOrganisationId : credential.organisationId;
    return {
      personId: credential.personId,
      ...(organisationId === undefined ? {} : { organisationId }),
      walletAddress,
      scopes: new Set(given.filter((scope) => isOperator || !operatorScopes.has(scope))),
      credentialId: credential.credentialId,
      limits: credential.limits,
      ...(credential.expiresAt === undefined ? {} : { expiresAt: credential.expiresAt }),
    };
  }
}

const refused = (code: string, message: string) => new DomainError('unauthenticated', code, message);
