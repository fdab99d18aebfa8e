import type { EncodedEvent } from '@openledger/contracts';
import type { CredentialKind } from '../domain/credential-text.js';

export interface Person {
  readonly personId: string;
  /** EIP-55. */
  readonly walletAddress: string;
  readonly displayName: string;
}

export interface Organisation {
  readonly organisationId: string;
  readonly name: string;
}

/** Of inference, for one key and minute; what is absent is the platform's default. */
export interface KeyLimits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** What is kept of a credential: enough to recognise it, not enough to use it. */
export interface Credential {
  readonly credentialId: string;
  readonly kind: CredentialKind;
  readonly digest: string;
  readonly personId: string;
  readonly organisationId?: string;
  readonly name: string;
  /** Of a session: empty, because it holds every scope of its person. */
  readonly scopes: readonly string[];
  readonly limits: KeyLimits;
  readonly createdAt: Date;
  readonly expiresAt?: Date;
  readonly revokedAt?: Date;
  readonly lastUsedAt?: Date;
}

export interface CredentialHolder {
  readonly credential: Credential;
  readonly walletAddress: string;
  /** The newest organisation of the person: the one that a session acts for. */
  readonly newestOrganisationId?: string;
}

/** What the use cases ask of one database transaction. */
export interface AccountsTx {
  /** False when the nonce was used before. */
  useNonce(nonce: string, expiresAt: Date): Promise<boolean>;
  /** Forgets nonces and sessions that ended before `before`. */
  sweep(before: Date): Promise<void>;
  /** The person of this wallet; `registered` when this call made it. */
  register(person: Person, now: Date): Promise<{ person: Person; registered: boolean }>;
  /** Locks the person, so that what is counted afterwards stays so until the end of the transaction. */
  lockPerson(personId: string): Promise<void>;
  organisationsOf(personId: string): Promise<Organisation[]>;
  addOrganisation(organisation: Organisation, ownerPersonId: string, now: Date): Promise<void>;
  addCredential(credential: Credential): Promise<void>;
  countApiKeys(personId: string): Promise<number>;
  /** False when the person has no such credential that is still in force. */
  revoke(personId: string, credentialId: string, now: Date): Promise<boolean>;
  emit(event: EncodedEvent): Promise<void>;
}

export abstract class AccountsStore {
  abstract transaction<T>(work: (tx: AccountsTx) => Promise<T>): Promise<T>;
  abstract findHolder(credentialId: string): Promise<CredentialHolder | undefined>;
  abstract personOf(personId: string): Promise<Person | undefined>;
  abstract organisationsOf(personId: string): Promise<Organisation[]>;
  abstract apiKeysOf(personId: string): Promise<Credential[]>;
  abstract markUsed(credentialId: string, now: Date): Promise<void>;
}

/** Randomness, and digests that need the pepper. */
export abstract class Secrets {
  abstract random(bytes: number): Uint8Array;
  /** HMAC-SHA-256 with the pepper, in hexadecimal; `purpose` keeps the uses of the pepper apart. */
  abstract digest(purpose: 'credential' | 'nonce', text: string): string;
  /** In constant time. */
  abstract same(a: string, b: string): boolean;
}

/** What we know about wallets. */
export abstract class Wallets {
  /** @throws DomainError SIWE_SIGNATURE_INVALID unless `address` (in EIP-55) signed `message` (EIP-191) */
  abstract checkSignature(message: string, signature: string, address: string): void;
}
