import {
  type CredentialKind,
  credentialFrom,
  formatCredential,
  ID_BYTES,
  SECRET_BYTES,
} from '../domain/credential-text.js';
import type { Credential, Secrets } from './ports.js';

/** A new credential: `text` is shown once, `credential` is kept. */
export function issueCredential(
  secrets: Secrets,
  kind: CredentialKind,
  fields: Omit<Credential, 'credentialId' | 'kind' | 'digest'>,
): { text: string; credential: Credential } {
  const parts = credentialFrom(kind, secrets.random(ID_BYTES), secrets.random(SECRET_BYTES));
  const credential = {
    ...fields,
    credentialId: parts.id,
    kind,
    digest: secrets.digest('credential', parts.secret),
  };
  return { text: formatCredential(parts), credential };
}
