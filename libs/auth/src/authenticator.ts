import { DomainError } from '@openledger/kernel';
import type { Principal, Scope } from './principal.js';

/** Answers who presents a credential. */
export abstract class Authenticator {
  /** @throws DomainError CREDENTIAL_UNKNOWN, CREDENTIAL_EXPIRED, CREDENTIAL_REVOKED */
  abstract authenticate(credential: string): Promise<Principal>;
}

/** @throws DomainError CREDENTIAL_MISSING for anything but `Bearer <credential>` */
export function bearer(authorization: string | undefined): string {
  const [scheme, credential, ...rest] = (authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !credential || rest.length > 0) {
    throw new DomainError(
      'unauthenticated',
      'CREDENTIAL_MISSING',
      'Send an API key or a session token as "Authorization: Bearer …".',
    );
  }
  return credential;
}

/** @throws DomainError SCOPE_MISSING */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.has(scope)) return;
  throw new DomainError(
    'forbidden',
    'SCOPE_MISSING',
    `This credential lacks the scope "${scope}": make a key that has it.`,
    {
      details: { scope },
    },
  );
}

/** @throws DomainError ORGANISATION_REQUIRED when the caller acts for no organisation */
export function organisationOf(principal: Principal): string {
  if (principal.organisationId !== undefined) return principal.organisationId;
  throw new DomainError(
    'forbidden',
    'ORGANISATION_REQUIRED',
    'This needs an organisation: create one with POST /organisations and use one of its API keys.',
  );
}
