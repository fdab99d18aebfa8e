import { type ContributorRegistered, encodeEvent, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId, newId } from '@openledger/kernel';
import { checkSiweMessage, parseSiweMessage } from '../domain/siwe-message.js';
import { issueCredential } from './issue-credential.js';
import { Nonces } from './nonces.js';
import type { AccountsStore, Person, Secrets, Wallets } from './ports.js';

const SESSION_TTL_MS = 12 * 60 * 60_000;
/** An ended session is remembered this long, so that its bearer learns why it no longer works. */
const ENDED_TTL_MS = 7 * 24 * 60 * 60_000;

/** Who we are in the messages that wallets sign. */
export interface Site {
  readonly domain: string;
  readonly uri: string;
  readonly chainId: number;
}

export interface Login {
  readonly message: string;
  readonly signature: string;
  /** For a person who is new; otherwise ignored. */
  readonly displayName?: string | undefined;
}

interface Parts {
  readonly store: AccountsStore;
  readonly secrets: Secrets;
  readonly wallets: Wallets;
  readonly clock: Clock;
  readonly site: Site;
}

/** Sign-In with Ethereum: a signed message becomes a session, and on first sight a person. */
export class LogIn {
  private readonly nonces: Nonces;

  constructor(private readonly parts: Parts) {
    this.nonces = new Nonces(parts.secrets);
  }

  begin(): Site & { nonce: string; issuedAt: Date; expiresAt: Date } {
    const issuedAt = this.parts.clock.now();
    return { ...this.nonces.issue(issuedAt), ...this.parts.site, issuedAt };
  }

  /** @throws DomainError SIWE_… */
  async run({ message: text, signature, displayName }: Login): Promise<Session> {
    const { store, secrets, wallets, clock, site } = this.parts;
    const now = clock.now();
    const message = parseSiweMessage(text);
    checkSiweMessage(message, { ...site, now });
    const nonceEndsAt = this.nonces.check(message.nonce, now);
    wallets.checkSignature(text, signature, message.address);

    return store.transaction(async (tx) => {
      if (!(await tx.useNonce(message.nonce, nonceEndsAt))) {
        throw new DomainError(
          'unauthenticated',
          'SIWE_NONCE_USED',
          'The nonce was used before: ask for another.',
        );
      }
      const candidate = { personId: newId(now.getTime()), walletAddress: message.address };
      const { person, registered } = await tx.register(
        { ...candidate, displayName: displayName ?? shortened(message.address) },
        now,
      );
      if (registered) await tx.emit(contributorRegistered(person, now));
      const expiresAt = new Date(now.getTime() + SESSION_TTL_MS);
      const { text: token, credential } = issueCredential(secrets, 'session', {
        personId: person.personId,
        name: 'session',
        scopes: [],
        limits: {},
        createdAt: now,
        expiresAt,
      });
      await tx.addCredential(credential);
      await tx.sweep(new Date(now.getTime() - ENDED_TTL_MS));
      return { token, expiresAt, person, registered };
    });
  }
}

export interface Session {
  readonly token: string;
  readonly expiresAt: Date;
  readonly person: Person;
  readonly registered: boolean;
}

const shortened = (address: string) => `${address.slice(0, 6)}…${address.slice(-4)}`;

function contributorRegistered(person: Person, registeredAt: Date) {
  const { personId: contributorId, displayName, walletAddress } = person;
  const event: ContributorRegistered = { contributorId, displayName, walletAddress, registeredAt };
  return encodeEvent(
    topics.contributorRegistered,
    derivedId(contributorId, topics.contributorRegistered.name),
    event,
  );
}
