import { type Clock, DomainError } from '@openledger/kernel';
import { issueCredential } from './issue-credential.js';
import type { AccountsStore, Credential, KeyLimits, Secrets } from './ports.js';

const API_KEYS_PER_PERSON_MAX = 100;
const DAY_MS = 24 * 60 * 60_000;

export interface ApiKeyOrder {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The organisation that the key acts for; that of the caller when absent. */
  readonly organisationId?: string | undefined;
  /** For ever when absent. */
  readonly expiresInDays?: number | undefined;
  /** Those of the orderer when absent. */
  readonly limits?: KeyLimits | undefined;
}

/** Who orders a key. */
export interface Orderer {
  readonly personId: string;
  readonly organisationId?: string;
  readonly scopes: ReadonlySet<string>;
  readonly limits?: KeyLimits;
  /** A key may make keys of its own organisation only; a session, of any that the person owns. */
  readonly boundToOrganisation: boolean;
}

export class CreateApiKey {
  constructor(
    private readonly store: AccountsStore,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError SCOPE_NOT_HELD, LIMIT_NOT_HELD, ORGANISATION_UNKNOWN, API_KEYS_TOO_MANY */
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
      limits: limitsWithin(orderer.limits ?? {}, order.limits ?? {}),
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

/** A key makes no key that may do more than itself. */
function limitsWithin(held: KeyLimits, asked: KeyLimits): KeyLimits {
  for (const limit of ['requestsPerMinute', 'tokensPerMinute'] as const) {
    const most = held[limit];
    if (most === undefined || (asked[limit] ?? most) <= most) continue;
    const message = `You cannot give more than your own limit "${limit}" of ${most}.`;
    throw new DomainError('forbidden', 'LIMIT_NOT_HELD', message, { details: { limit, most } });
  }
  return { ...held, ...asked };
}

const organisationUnknown = (organisationId: string) =>
  new DomainError('not-found', 'ORGANISATION_UNKNOWN', 'You own no such organisation.', {
    details: { organisationId },
  });
