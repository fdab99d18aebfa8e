import type { Credential, Organisation, Person } from '../application/ports.js';
import type { CredentialKind } from '../domain/credential-text.js';

export interface PersonRow {
  person_id: string;
  wallet_address: string;
  display_name: string;
}

export interface OrganisationRow {
  organisation_id: string;
  name: string;
}

export interface CredentialRow {
  credential_id: string;
  kind: CredentialKind;
  digest: string;
  person_id: string;
  organisation_id: string | null;
  name: string;
  scopes: string[];
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

export const toPerson = (row: PersonRow): Person => ({
  personId: row.person_id,
  walletAddress: row.wallet_address,
  displayName: row.display_name,
});

export const toOrganisation = (row: OrganisationRow): Organisation => ({
  organisationId: row.organisation_id,
  name: row.name,
});

export const toCredential = (row: CredentialRow): Credential => ({
  credentialId: row.credential_id,
  kind: row.kind,
  digest: row.digest,
  personId: row.person_id,
  ...(row.organisation_id === null ? {} : { organisationId: row.organisation_id }),
  name: row.name,
  scopes: row.scopes,
  limits: {
    ...(row.requests_per_minute === null ? {} : { requestsPerMinute: row.requests_per_minute }),
    ...(row.tokens_per_minute === null ? {} : { tokensPerMinute: row.tokens_per_minute }),
  },
  createdAt: row.created_at,
  ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
});
