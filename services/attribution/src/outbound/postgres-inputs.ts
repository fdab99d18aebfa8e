import type { Database } from '@openledger/persistence';
import type { ModelVersion } from '../application/ports.js';
import { InputStore, type Party, type ServedAnswer } from '../application/store-port.js';

/** Inbox group of the events that this store keeps. */
const GROUP = 'attribution';

export class PostgresInputs extends InputStore {
  constructor(private readonly database: Database) {
    super();
  }

  recordVersion(eventId: string, version: ModelVersion): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      await tx.query(
        `INSERT INTO model_version (model_id, adapter_digest, base_digest, adapter_config_blob,
           adapter_weights_blob, lineage_blob, training_log_blob, deployed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (model_id, adapter_digest) DO UPDATE SET deployed_at = excluded.deployed_at`,
        [
          version.modelId,
          version.adapterDigest,
          version.baseDigest,
          version.adapterConfigBlob,
          version.adapterWeightsBlob,
          version.lineageBlob,
          version.trainingLogBlob,
          version.deployedAt,
        ],
      );
    });
  }

  recordAnswer(eventId: string, answer: ServedAnswer): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      const { requestId, modelId, adapterDigest, payerOrganisationId, tokensBlob, servedAt } = answer;
      await tx.query(
        `INSERT INTO request (request_id, model_id, adapter_digest, payer_organisation_id, tokens_blob, served_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (request_id) DO NOTHING`,
        [requestId, modelId, adapterDigest, payerOrganisationId, tokensBlob, servedAt],
      );
    });
  }

  recordParty(eventId: string, party: Party): Promise<boolean> {
    return this.database.once(GROUP, eventId, async (tx) => {
      // Members that left, and parties that were absorbed, unless something newer was said about them.
      await tx.query(
        `DELETE FROM party_member
         WHERE party_id = ANY($1::text[]) AND contributor_id <> ALL($2::text[]) AND changed_at <= $3`,
        [[party.id, ...party.absorbedPartyIds], [...party.contributorIds], party.changedAt],
      );
      await tx.query(
        `INSERT INTO party_member (contributor_id, party_id, changed_at)
         SELECT contributor_id, $2, $3 FROM unnest($1::text[]) AS given (contributor_id) ORDER BY contributor_id
         ON CONFLICT (contributor_id) DO UPDATE
           SET party_id = excluded.party_id, changed_at = excluded.changed_at
         WHERE excluded.changed_at >= party_member.changed_at`,
        [[...party.contributorIds], party.id, party.changedAt],
      );
    });
  }
}
