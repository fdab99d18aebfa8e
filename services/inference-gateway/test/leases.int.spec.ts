import { newId, sha256 } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { createLogger } from '@openledger/service-host';
import { eventually } from '@openledger/testing';
import { HoldEach } from '../src/application/hold-each.js';
import type { SpendRequest } from '../src/application/payment-ports.js';
import type { Receipt } from '../src/application/ports.js';
import { SpendLeases } from '../src/application/spend-leases.js';
import { inferenceGateway } from '../src/index.js';
import { PostgresLeaseBook } from '../src/outbound/postgres-lease-book.js';
import { PostgresReceipts } from '../src/outbound/postgres-receipts.js';
import { SettlementClient } from '../src/outbound/settlement-client.js';
import { GatewayFixture, ORGANISATION, POOR_KEY } from './gateway-fixture.js';
import { SettlementServer } from './settlement-server.js';
import { sayAndHang, spell } from './worker-server.js';

const price = { promptWeiPerMillion: '3000000', completionWeiPerMillion: '5000000' };

interface ServedRow {
  readonly request_id: string;
  readonly hold_id: string;
  readonly fee: string;
  readonly prompt_tokens: number;
  readonly worker_statement: string;
  readonly worker_public_key: Buffer;
}

const receiptOn = (leaseId: string, completionToken: number): Receipt => ({
  requestId: newId(),
  organisationId: ORGANISATION,
  model: {
    modelId: newId(),
    name: 'law',
    baseName: 'tiny',
    baseDigest: sha256('base'),
    adapter: { digest: sha256('adapter'), configBlob: sha256('config'), weightsBlob: sha256('weights') },
    ownedBy: 'developer-1',
    deployedAt: new Date(),
  },
  holdId: leaseId,
  feeWei: 1n,
  promptTokens: [1],
  context: [],
  promptTokensBilled: 1,
  completionTokens: [completionToken],
  cachedTokens: 0,
  finishReason: 'stop',
  servedAt: new Date(),
  timeToFirstTokenMs: 1,
  durationMs: 2,
});

describe('the gateway and its leases', () => {
  let fixture: GatewayFixture;
  let database: Database;
  const chat = { model: 'law', messages: [{ role: 'user' as const, content: 'Hi' }], max_tokens: 10 };
  const ask = (key?: string) => fixture.openai(key).chat.completions.create(chat);

  beforeEach(async () => {
    fixture = await GatewayFixture.start({ LEASE_ALIVE_MS: '1000' });
    fixture.settlement.lends = true;
    database = await fixture.database(inferenceGateway.migrations);
    await fixture.deploy('law', { price });
    await eventually(() => fixture.openai().models.retrieve('law'));
    fixture.script(spell('fine'));
  });
  afterEach(async () => {
    await database.close();
    await fixture.stop();
  });

  const servedRows = () => database.query<ServedRow>('SELECT * FROM served_request ORDER BY request_id');
  const openLeases = () => database.query<{ id: string }>('SELECT id FROM spend_lease');

  it('pays many requests by one call, and tells price and fee in every receipt', async () => {
    await ask();
    await Promise.all(Array.from({ length: 20 }, () => ask()));
    const { leases, held } = fixture.settlement;
    expect(held).toEqual([]);
    expect(leases.length).toBeLessThan(6);
    expect(leases[0]).toMatchObject({ organisationId: ORGANISATION });
    const rows = await servedRows();
    expect(rows).toHaveLength(21);
    const known = new Set(leases.map(({ leaseId }) => leaseId));
    for (const row of rows) {
      expect(known.has(row.hold_id)).toBe(true);
      expect(row.fee).toBe(String(3 * row.prompt_tokens + 5 * 4));
    }
    await eventually(() => expect(fixture.served).toHaveLength(21));
    for (const served of fixture.served) {
      expect(served).toMatchObject({ ...price, feeWei: rows[0]?.fee });
      const row = rows.find(({ request_id }) => request_id === served.requestId);
      expect(row?.worker_statement).toContain(served.requestId);
      expect(served.workerReceipt?.statement).toBe(row?.worker_statement);
      expect(row?.worker_public_key.equals(served.workerReceipt?.publicKey ?? Buffer.alloc(0))).toBe(true);
      expect(known.has(served.holdId)).toBe(true);
    }
  });

  it('returns a lease when its time is over, with the number of its receipts', async () => {
    fixture.settlement.leaseUseMs = 700;
    await Promise.all([ask(), ask(), ask()]);
    await eventually(async () => expect(await openLeases()).toEqual([]));
    const { leases, returned } = fixture.settlement;
    expect([...returned.keys()].sort()).toEqual(leases.map(({ leaseId }) => leaseId).sort());
    expect([...returned.values()].reduce((sum, receipts) => sum + receipts, 0)).toBe(3);
    await ask();
    expect(leases.length).toBeGreaterThan(returned.size);
  });

  it('keeps a lease while a request runs on it, however long, and returns it then', async () => {
    fixture.settlement.leaseUseMs = 300;
    fixture.script(sayAndHang('slow'));
    const stream = await fixture.openai().chat.completions.create({ ...chat, stream: true });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const [lease] = fixture.settlement.leases;
    // Several times over what a gateway may be silent for.
    const started = performance.now();
    await eventually(() => expect(performance.now() - started).toBeGreaterThan(2_500));
    expect(fixture.settlement.returned.size).toBe(0);
    expect((await openLeases()).map(({ id }) => id)).toEqual([lease?.leaseId]);
    stream.controller.abort();
    await eventually(() => expect(fixture.settlement.returned.get(lease?.leaseId ?? '')).toBe(1));
    expect(await servedRows()).toMatchObject([{ hold_id: lease?.leaseId }]);
  });

  it('gives back what another gateway left, with the receipts that were committed', async () => {
    const left = newId();
    await database.query(
      `INSERT INTO spend_lease (id, organisation_id, alive_until) VALUES ($1, $2, now() - interval '1 ms')`,
      [left, ORGANISATION],
    );
    await ask();
    await eventually(() => expect(fixture.settlement.returned.get(left)).toBe(0));
    const [row] = await servedRows();
    expect(row?.hold_id).not.toBe(left);
  });

  it('names no lease in a receipt that comes after its count', async () => {
    fixture.script(sayAndHang('slow'));
    const stream = await fixture.openai().chat.completions.create({ ...chat, stream: true });
    await stream[Symbol.asyncIterator]().next();
    await database.query('UPDATE spend_lease SET closed_at = now()');
    await eventually(() => expect([...fixture.settlement.returned.values()]).toEqual([0]));
    stream.controller.abort();
    await eventually(async () => expect(await servedRows()).toMatchObject([{ hold_id: '' }]));
    // The rest of that lease is another's now: the next request gets a new one.
    fixture.script(spell('fine'));
    await ask();
    expect(fixture.settlement.leases).toHaveLength(2);
  });

  it('waits while the money is on loan, and runs nothing that is not paid for', async () => {
    fixture.settlement.setAside = 3;
    expect((await ask()).choices[0]?.message.content).toBe('fine');
    expect(fixture.settlement.leases).toHaveLength(4);
    fixture.settlement.poor.add('organisation-poor');
    const refused = expect.objectContaining({ status: 402, code: 'insufficient_quota' });
    await expect(ask(POOR_KEY)).rejects.toEqual(refused);
    expect(fixture.runs).toHaveLength(1);
    expect((await openLeases()).length).toBeLessThanOrEqual(1);
  });

  it('holds for each request where no lease can be had, and leases again later', async () => {
    fixture.settlement.lends = false;
    await ask();
    expect(fixture.settlement.held).toHaveLength(1);
    const [row] = await servedRows();
    expect(row?.hold_id).toBe(row?.request_id);
    fixture.settlement.lends = true;
    await eventually(async () => {
      await ask();
      expect(fixture.settlement.leases.length).toBeGreaterThan(0);
    });
  });

  it('asks for no money where nothing costs anything, and still tells so', async () => {
    const free = { promptWeiPerMillion: '0', completionWeiPerMillion: '0' };
    await fixture.deploy('gift', { price: free });
    await eventually(() => fixture.openai().models.retrieve('gift'));
    await fixture.openai().chat.completions.create({ ...chat, model: 'gift' });
    expect([...fixture.settlement.leases, ...fixture.settlement.held]).toEqual([]);
    await eventually(() => expect(fixture.served).toMatchObject([{ ...free, feeWei: '0', holdId: '' }]));
  });

  it('bills nothing that could not be recorded, and does not spend its money again', async () => {
    fixture.settlement.leaseUseMs = 1_500;
    await database.query('ALTER TABLE served_request RENAME TO away');
    const broken = expect.objectContaining({ status: 500 });
    await expect(ask()).rejects.toEqual(broken);
    await database.query('ALTER TABLE away RENAME TO served_request');
    await ask();
    const [lease] = fixture.settlement.leases;
    await eventually(() => expect(fixture.settlement.returned.get(lease?.leaseId ?? '')).toBe(1));
    expect(await servedRows()).toHaveLength(1);
  });

  it('goes on paying from its lease while settlement is away', async () => {
    await ask();
    const { leases } = fixture.settlement;
    const leased = leases.length;
    fixture.settlement.close();
    await Promise.all(Array.from({ length: 5 }, () => ask()));
    const rows = await servedRows();
    expect(rows).toHaveLength(6);
    expect(new Set(rows.map((row) => row.hold_id)).size).toBeLessThanOrEqual(leased);
  });

  it('counts every receipt that names a lease, and keeps out the rest, while both are at work', async () => {
    const book = new PostgresLeaseBook(database, 30_000);
    const receipts = new PostgresReceipts(database, fixture.blobs);
    for (let round = 0; round < 5; round += 1) {
      const leaseId = newId();
      await book.open(leaseId, ORGANISATION);
      const recorded = Array.from({ length: 24 }, (_, at) => receipts.record(receiptOn(leaseId, at)));
      const [counted] = await Promise.all([book.close(leaseId), ...recorded]);
      const rows = await database.query('SELECT 1 FROM served_request WHERE hold_id = $1', [leaseId]);
      expect(rows).toHaveLength(counted ?? -1);
    }
    expect(await servedRows()).toHaveLength(5 * 24);
    await eventually(() => expect(fixture.served).toHaveLength(5 * 24));
    const named = fixture.served.filter(({ holdId }) => holdId !== '');
    const kept = (await servedRows()).filter((row) => row.hold_id !== '');
    expect(named).toHaveLength(kept.length);
  });

  describe('in time that a test sets', () => {
    let nowMs: number;
    const outcomes: string[] = [];
    let settlement: SettlementServer;
    let client: SettlementClient;
    let leases: SpendLeases;
    const log = createLogger('leases', 'silent');
    const spend = (mostWei: bigint, organisationId = ORGANISATION): SpendRequest => ({
      requestId: newId(),
      organisationId,
      modelId: 'model',
      promptTokens: 1,
      completionTokensMax: 1,
      mostWei,
    });

    beforeEach(async () => {
      nowMs = 0;
      outcomes.length = 0;
      settlement = new SettlementServer();
      settlement.lends = true;
      client = new SettlementClient(await settlement.listen('token'), 'token', log);
      leases = new SpendLeases({
        lender: client,
        book: new PostgresLeaseBook(database, 30_000),
        holds: new HoldEach(client, () => undefined),
        elapsedMs: () => nowMs,
        pause: async (ms) => {
          nowMs += ms;
        },
        onError: () => undefined,
        onOutcome: (outcome) => outcomes.push(outcome),
      });
    });
    afterEach(() => {
      client.close();
      settlement.close();
    });

    it('tells who waited long enough to come back, and leaves nothing in the book', async () => {
      settlement.setAside = Number.POSITIVE_INFINITY;
      const refused = { kind: 'exhausted', code: 'FUNDS_LEASED', details: { retryAfterSeconds: 1 } };
      await expect(leases.reserveAll([spend(10n)])).rejects.toMatchObject(refused);
      expect(nowMs).toBeGreaterThan(14_000);
      expect(nowMs).toBeLessThanOrEqual(15_000);
      expect(await openLeases()).toEqual([]);
      expect(settlement.held).toEqual([]);
      expect(new Set(outcomes)).toEqual(new Set(['set-aside']));
    });

    it('reserves for all choices of a request or for none', async () => {
      const [first, second] = await leases.reserveAll([spend(7n), spend(5n)]);
      expect(first?.holdId).toBe(second?.holdId);
      expect(settlement.leases).toMatchObject([{ minimumWei: '12', wantedWei: String(16 * 12 + 12) }]);
      settlement.poor.add('poor');
      const refused = leases.reserveAll([spend(1n, 'poor'), spend(1n, 'poor')]);
      await expect(refused).rejects.toMatchObject({ code: 'INSUFFICIENT_BALANCE' });
      expect(outcomes).toEqual(['granted', 'refused']);
      await Promise.all([first?.release(), second?.release()]);
      await leases.close();
      expect([outcomes.at(-1), leases.held]).toEqual(['returned', 0]);
    });

    it('begins nothing on a lease whose time is over, and gives it back when what runs has ended', async () => {
      settlement.leaseUseMs = 1_000;
      const [running] = await leases.reserveAll([spend(10n)]);
      nowMs = 1_000;
      await leases.sweep();
      expect(settlement.returned.size).toBe(0);
      const [next] = await leases.reserveAll([spend(10n)]);
      expect(next?.holdId).not.toBe(running?.holdId);
      running?.spend(3n);
      await leases.sweep();
      expect([...settlement.returned]).toEqual([[running?.holdId, 0]]);
      await next?.release();
      await leases.close();
      expect(await openLeases()).toEqual([]);
    });

    it('asks once for however many begin at the same time', async () => {
      const begun = await Promise.all(Array.from({ length: 40 }, () => leases.reserveAll([spend(10n)])));
      expect(new Set(begun.flat().map(({ holdId }) => holdId)).size).toBeLessThanOrEqual(3);
      expect(settlement.leases.length).toBeLessThanOrEqual(3);
      for (const reservation of begun.flat()) reservation.spend(10n);
    });
  });
});
