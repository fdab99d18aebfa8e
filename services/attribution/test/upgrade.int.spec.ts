import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { migrations } from '../src/migrations.js';
import { PostgresReads } from '../src/outbound/postgres-reads.js';
import { PostgresWork } from '../src/outbound/postgres-work.js';

const WHOLE = 1_000_000_000;
/** As the first release stored them. */
const index = { digest: 'index', reliabilityPpb: 400, records: 2, parameters: 8, stakes: [] };
const result = {
  contributors: [{ contributorId: 'ada', partyId: 'ada', influencePpb: 600_000_000, basePpb: WHOLE }],
  baseModelPpb: 300_000_000,
  reservePpb: 100_000_000,
  reliabilityPpb: 400,
  evidenceBlob: 'evidence',
};

it('keeps scores of the first release, builds its indexes anew, and takes up what it gave up without a word', async () => {
  const url = await testDatabase();
  const before = await Database.open({ url, schema: 'attribution', migrations: migrations.slice(0, 1) });
  await before.query(
    `INSERT INTO model_version (model_id, adapter_digest, base_digest, adapter_config_blob, adapter_weights_blob,
       lineage_blob, training_log_blob, deployed_at, state, index)
     VALUES ('model', 'adapter', '', '', '', '', '', now(), 'done', $1)`,
    [JSON.stringify(index)],
  );
  await before.query(
    `INSERT INTO request (request_id, model_id, adapter_digest, payer_organisation_id, tokens_blob, served_at, state,
       attempts, result, failure, scored_at)
     VALUES ('scored', 'model', 'adapter', 'payer', 'tokens', now(), 'done', 1, $1, NULL, now()),
       ('failed', 'model', 'adapter', 'payer', 'tokens', now(), 'failed', 5, NULL, 'BLOB_UNKNOWN: lost', NULL)`,
    [JSON.stringify(result)],
  );
  await before.close();

  const database = await Database.open({ url, schema: 'attribution', migrations });
  try {
    const reads = new PostgresReads(database);
    const unmeasured = { ppb: 400, lowPpb: 0, highPpb: WHOLE };
    expect(await reads.answer('scored')).toMatchObject({
      state: 'done',
      result: {
        status: 'scored',
        reason: '',
        reliability: unmeasured,
        contributors: [{ influencePpb: 600_000_000, contextPpb: 0, basePpb: WHOLE }],
        receiptBlob: '',
      },
    });
    expect(await reads.version('model', 'adapter')).toMatchObject({
      state: 'waiting',
      index: { root: '', reliability: unmeasured },
    });
    const work = new PostgresWork(database);
    expect(await work.claimAnswers(16)).toEqual([]);
    const version = await work.claimVersion();
    expect(version).toMatchObject({ work: { modelId: 'model' }, attempt: 1 });
    const summary = {
      digest: 'new',
      root: 'r',
      reliability: unmeasured,
      records: 2,
      parameters: 8,
      stakes: [],
    };
    if (version) await work.saveIndex(version.work, summary, true);
    expect(await reads.version('model', 'adapter')).toMatchObject({
      state: 'done',
      index: { digest: 'new' },
      audit: { state: 'waiting' },
    });
    expect(await work.claimAnswers(16)).toMatchObject([{ work: { requestId: 'failed' }, attempt: 1 }]);
  } finally {
    await database.close();
  }
}, 60_000);
