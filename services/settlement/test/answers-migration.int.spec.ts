import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { migrations } from '../src/migrations/index.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { PostgresEarnings } from '../src/outbound/metering/postgres-earnings.js';
import { PostgresQueries } from '../src/outbound/postgres-queries.js';
import { contractsWithoutChain } from './contracts-without-chain.js';

/** What there was before answers were kept whole. */
const BEFORE = [
  'CreateLedger1763600000001',
  'CreateMetering1763600000002',
  'CreateChain1763600000003',
  'CreateLeases1763600000004',
  'IndexEndedLeases1763600000005',
];

describe('answers from before there were batches', () => {
  it('keep their receipts, and are found behind the earnings of their payees', async () => {
    const url = await testDatabase();
    const names = new Set(BEFORE);
    const old = await Database.open({
      url,
      schema: 'settlement',
      migrations: migrations.filter((one) => names.has(new one().name ?? '')),
    });
    await old.query(`
      INSERT INTO account (id, kind, debits_posted, credits_posted) VALUES
        ('chain:vault', 'asset', 100, 0), ('clearing:fees', 'liability', 100, 100),
        ('platform', 'liability', 0, 40), ('contributor:alice', 'liability', 0, 60)`);
    await old.query(`
      INSERT INTO transfer (id, kind, debit, credit, amount, reason, reference) VALUES
        ('00000000-0000-4000-8000-000000000001', 'single', 'chain:vault', 'clearing:fees', 100, 'fee', 'r1'),
        ('00000000-0000-4000-8000-000000000002', 'single', 'clearing:fees', 'platform', 40, 'split', 'r1'),
        ('00000000-0000-4000-8000-000000000003', 'single', 'clearing:fees', 'contributor:alice', 60, 'split', 'r1')`);
    await old.query(`
      INSERT INTO request (id, organisation_id, model_id, prompt_tokens, completion_tokens, served_at, hold_id, told,
        attribution, priced, fee, credited_at)
      VALUES ('r1', 'org', 'model', 3, 4, '2026-10-31T23:30:00Z', 'r1', '{"feeWei":"100"}',
        '{"baseModelPpb":0,"reservePpb":0,"reliabilityPpb":5,"contributors":
          [{"contributorId":"alice","partyId":"p","influencePpb":1000000000,"basePpb":1000000000}]}',
        100, 100, '2026-11-01T00:00:01Z')`);
    await old.query(`
      INSERT INTO receipt_part (request_id, number, role, payee_id, party_id, amount)
      VALUES ('r1', 2, 'contributor', 'alice', 'p', 60), ('r1', 1, 'platform', '', '', 40)`);
    await old.close();

    const database = await Database.open({ url, schema: 'settlement', migrations });
    const queries = new PostgresQueries(database, new EthereumPayoutContracts(...contractsWithoutChain()));
    expect((await queries.receipt('r1'))?.parts).toEqual([
      { role: 'platform', payeeId: '', partyId: '', amountWei: 40n },
      { role: 'contributor', payeeId: 'alice', partyId: 'p', amountWei: 60n },
    ]);
    const earnings = new PostgresEarnings(database);
    const [transfer] = await earnings.transfers('alice', undefined, 10);
    expect(transfer).toMatchObject({ role: 'contributor', amountWei: 60n });
    expect(
      await earnings.answers('alice', transfer?.transferId ?? '', { after: '', limit: 10 }),
    ).toMatchObject([{ requestId: 'r1', modelId: 'model', amountWei: 60n }]);
    expect(await earnings.byModel('alice')).toEqual([
      { modelId: 'model', datanetIds: [], role: 'contributor', answers: 1, amountWei: 60n },
    ]);
    expect(await database.query('SELECT month::text, fee FROM usage_month')).toEqual([
      { month: '2026-10-01', fee: '100' },
    ]);
    await database.close();
  });
});
