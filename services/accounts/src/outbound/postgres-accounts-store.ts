import type { EncodedEvent } from '@openledger/contracts';
import { invariant } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import {
  AccountsStore,
  type AccountsTx,
  type Credential,
  type CredentialHolder,
  type Organisation,
  type Person,
} from '../application/ports.js';
import {
  type CredentialRow,
  type OrganisationRow,
  type PersonRow,
  toCredential,
  toOrganisation,
  toPerson,
} from './rows.js';

/** Rows removed by one sweep: a login stays fast however many have ended. */
const SWEEP_MAX = 200;

export class PostgresAccountsStore extends AccountsStore {
  constructor(private readonly database: Database) {
    super();
  }

  transaction<T>(work: (tx: AccountsTx) => Promise<T>): Promise<T> {
    return this.database.transaction((tx) => work(new PostgresAccountsTx(tx)));
  }

  async findHolder(credentialId: string): Promise<CredentialHolder | undefined> {
    const [row] = await this.database.query<
      CredentialRow & { wallet_address: string; newest_organisation_id: string | null }
    >(
      `SELECT c.*, p.wallet_address,
              (SELECT o.organisation_id FROM organisation o WHERE o.owner_person_id = c.person_id
                ORDER BY o.organisation_id DESC LIMIT 1) AS newest_organisation_id
         FROM credential c JOIN person p USING (person_id)
        WHERE c.credential_id = $1`,
      [credentialId],
    );
    if (row === undefined) return undefined;
    return {
      credential: toCredential(row),
      walletAddress: row.wallet_address,
      ...(row.newest_organisation_id === null ? {} : { newestOrganisationId: row.newest_organisation_id }),
    };
  }

  async personOf(personId: string): Promise<Person | undefined> {
    const [row] = await this.database.query<PersonRow>('SELECT * FROM person WHERE person_id = $1', [
      personId,
    ]);
    return row && toPerson(row);
  }

  async organisationsOf(personId: string): Promise<Organisation[]> {
    const rows = await this.database.query<OrganisationRow>(ORGANISATIONS_OF, [personId]);
    return rows.map(toOrganisation);
  }

  async apiKeysOf(personId: string): Promise<Credential[]> {
    const rows = await this.database.query<CredentialRow>(
      `SELECT * FROM credential WHERE person_id = $1 AND kind = 'api-key' AND revoked_at IS NULL
        ORDER BY created_at DESC, credential_id`,
      [personId],
    );
    return rows.map(toCredential);
  }

  async markUsed(credentialId: string, now: Date): Promise<void> {
    await this.database.query('UPDATE credential SET last_used_at = $2 WHERE credential_id = $1', [
      credentialId,
      now,
    ]);
  }
}

const ORGANISATIONS_OF =
  'SELECT * FROM organisation WHERE owner_person_id = $1 ORDER BY organisation_id DESC';

class PostgresAccountsTx implements AccountsTx {
  constructor(private readonly tx: Transaction) {}

  async useNonce(nonce: string, expiresAt: Date): Promise<boolean> {
    const added = await this.tx.query(
      'INSERT INTO used_nonce (nonce, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
      [nonce, expiresAt],
    );
    return added.length === 1;
  }

  async sweep(before: Date): Promise<void> {
    // SKIP LOCKED: logins that sweep at the same time do not wait for one another.
    await this.tx.query(
      `DELETE FROM used_nonce WHERE nonce IN
         (SELECT nonce FROM used_nonce WHERE expires_at < $1 LIMIT ${SWEEP_MAX} FOR UPDATE SKIP LOCKED)`,
      [before],
    );
    await this.tx.query(
      `DELETE FROM credential WHERE credential_id IN
         (SELECT credential_id FROM credential WHERE kind = 'session' AND expires_at < $1
           LIMIT ${SWEEP_MAX} FOR UPDATE SKIP LOCKED)`,
      [before],
    );
  }

  async register(person: Person, now: Date): Promise<{ person: Person; registered: boolean }> {
    const added = await this.tx.query(
      `INSERT INTO person (person_id, wallet_address, display_name, registered_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (wallet_address) DO NOTHING RETURNING 1`,
      [person.personId, person.walletAddress, person.displayName, now],
    );
    if (added.length === 1) return { person, registered: true };
    const [row] = await this.tx.query<PersonRow>('SELECT * FROM person WHERE wallet_address = $1', [
      person.walletAddress,
    ]);
    invariant(row, 'a conflicting person exists');
    return { person: toPerson(row), registered: false };
  }

  async lockPerson(personId: string): Promise<void> {
    const [row] = await this.tx.query('SELECT 1 FROM person WHERE person_id = $1 FOR NO KEY UPDATE', [
      personId,
    ]);
    invariant(row, 'a principal is a person');
  }

  async organisationsOf(personId: string): Promise<Organisation[]> {
    const rows = await this.tx.query<OrganisationRow>(ORGANISATIONS_OF, [personId]);
    return rows.map(toOrganisation);
  }

  async addOrganisation(organisation: Organisation, ownerPersonId: string, now: Date): Promise<void> {
    await this.tx.query(
      'INSERT INTO organisation (organisation_id, name, owner_person_id, created_at) VALUES ($1, $2, $3, $4)',
      [organisation.organisationId, organisation.name, ownerPersonId, now],
    );
  }

  async addCredential(credential: Credential): Promise<void> {
    await this.tx.query(
      `INSERT INTO credential (credential_id, kind, digest, person_id, organisation_id, name, scopes,
                               created_at, expires_at, requests_per_minute, tokens_per_minute)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        credential.credentialId,
        credential.kind,
        credential.digest,
        credential.personId,
        credential.organisationId ?? null,
        credential.name,
        credential.scopes,
        credential.createdAt,
        credential.expiresAt ?? null,
        credential.limits.requestsPerMinute ?? null,
        credential.limits.tokensPerMinute ?? null,
      ],
    );
  }

  async countApiKeys(personId: string): Promise<number> {
    const [row] = await this.tx.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM credential
        WHERE person_id = $1 AND kind = 'api-key' AND revoked_at IS NULL`,
      [personId],
    );
    return row?.count ?? 0;
  }

  async revoke(personId: string, credentialId: string, now: Date): Promise<boolean> {
    const revoked = await this.tx.query(
      `UPDATE credential SET revoked_at = $3
        WHERE person_id = $1 AND credential_id = $2 AND revoked_at IS NULL RETURNING 1`,
      [personId, credentialId, now],
    );
    return revoked.length === 1;
  }

  emit(event: EncodedEvent): Promise<void> {
    return this.tx.emit(event);
  }
}
