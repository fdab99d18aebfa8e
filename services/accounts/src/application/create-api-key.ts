import { type Clock, DomainError } from '@openledger/kernel';
import { issueCredential } from './issue-credential.js';
import type { AccountsStore, Credential, Secrets } from './ports.js';

const API_KEYS_PER_PERSON_MAX = 100;
const DAY_MS = 24 * 60 * 60_000;

export interface ApiKeyOrder {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The organisation that the key acts for; that of the caller when absent. */
  readonly organisationId?: string | undefined;
  /** For ever when absent. */
  readonly expiresInDays?: number | undefined;
}

/** Who orders a key. */
export interface Orderer {
  readonly personId: string;
  readonly organisationId?: string;
  readonly scopes: ReadonlySet<string>;
  /** A key may make keys of its own organisation only; a session, of any that the person owns. */
  readonly boundToOrganisation: boolean;
}

export class CreateApiKey {
  constructor(
    private readonly store: AccountsStore,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError SCOPE_NOT_HELD, ORGANISATION_UNKNOWN, API_KEYS_TOO_MANY */
  async run(order: ApiKeyOrder, orderer: Orderer): Promise<{ key: string; credential: Credential }> {
    const missing = order.scopes.find((scope) => !orderer.scopes.has(scope));
    if (missing !== undefined) {
      const message = `You cannot give the scope "${missing}", because you do not have it.`;
      throw new DomainError('forbidden', 'SCOPE_NOT_HELD', message, { details: { scope: missing } });
    }
    const organisationId = order.organisationId ?? orderer.organisationId;
    const createdAt = this.clock.now();
    const { text, credential } = issueCredential(this.secrets, 'api-key', {
      personId: orderer.personId,
      ...(organisationId === undefined ? {} : { organisationId }),
      name: order.name,
      scopes: order.scopes,
      createdAt,
      ...(order.expiresInDays === undefined
        ? {}
        : { expiresAt: new Date(createdAt.getTime() + order.expiresInDays * DAY_MS) }),
    });
    await this.store.transaction(async (tx) => {
      await tx.lockPerson(orderer.personId);
      if (organisationId !== undefined) {
        const owned = await tx.organisationsOf(orderer.personId);
        const allowed = orderer.boundToOrganisation
          ? organisationId === orderer.organisationId
          : owned.some((organisation) => organisation.organisationId === organisationId);
        if (!allowed) throw organisationUnknown(organisationId);
      }
      if ((await tx.countApiKeys(orderer.personId)) >= API_KEYS_PER_PERSON_MAX) {
        const message = `A person has at most ${API_KEYS_PER_PERSON_MAX} keys in force: revoke one first.`;
        throw new DomainError('conflict', 'API_KEYS_TOO_MANY', message);
      }
      await tx.addCredential(credential);
    });
    return { key: text, credential };
  }
}

const organisationUnknown = (organisationId: string) =>
  new DomainError('not-found', 'ORGANISATION_UNKNOWN', 'You own no such organisation.', {
    details: { organisationId },
  });
