import type { lookup } from 'node:dns';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SettlementCredited } from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { Webhook } from 'standardwebhooks';
import { DeliverWebhooks } from '../src/application/webhooks/deliver-webhooks.js';
import { ManageWebhooks } from '../src/application/webhooks/manage-webhooks.js';
import { PublishWebhooks } from '../src/application/webhooks/publish-webhooks.js';
import { migrations } from '../src/migrations/index.js';
import { HttpWebhookSender } from '../src/outbound/webhooks/http-webhook-sender.js';
import { PostgresWebhooks } from '../src/outbound/webhooks/postgres-webhooks.js';

const PAYER = newId();
const ALICE = newId();
const BOB = newId();

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('webhooks', () => {
  let database: Database;
  let receiver: Server;
  let url: string;
  let status: number;
  let nowMs: number;
  let webhooks: ManageWebhooks;
  let publish: PublishWebhooks;
  let deliver: DeliverWebhooks;
  const received: Received[] = [];
  const now = () => new Date(nowMs);
  const clock = { now };

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
        response.writeHead(status, status === 302 ? { location: `${url}/elsewhere` } : {}).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  afterAll(() => new Promise((resolve) => receiver.close(resolve)));

  beforeEach(async () => {
    received.length = 0;
    status = 204;
    nowMs = Date.now();
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    const store = new PostgresWebhooks(database);
    const sender = new HttpWebhookSender({ allowInternal: true });
    webhooks = new ManageWebhooks(store, sender, clock);
    publish = new PublishWebhooks(store);
    deliver = new DeliverWebhooks(store, sender, () => 0);
  });
  afterEach(() => database.close());

  const credited = (requestId: string) =>
    SettlementCredited.create({
      requestId,
      modelId: 'model',
      payerOrganisationId: PAYER,
      feeWei: '100',
      parts: [
        { role: 'platform', payeeId: '', amountWei: '10' },
        { role: 'contributor', payeeId: ALICE, amountWei: '60' },
        { role: 'royalty', payeeId: ALICE, amountWei: '5' },
        { role: 'contributor', payeeId: BOB, amountWei: '25' },
      ],
    });
  const creditedOnce = (event: SettlementCredited, eventId = newId()) =>
    publish.credited([{ eventId, event, occurredAt: now() }]);
  const verified = (secret: string, { headers, body }: Received) =>
    new Webhook(secret).verify(body, {
      'webhook-id': String(headers['webhook-id']),
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    }) as { type: string; data: Record<string, unknown> };
  const secretOf = ({ secrets }: { secrets: readonly string[] }) => secrets[0] ?? '';

  it('tell the payer the fee and each payee his own parts, signed as the specification says', async () => {
    const payers = await webhooks.create(PAYER, { url, types: ['settlement.credited'] });
    const alices = await webhooks.create(ALICE, { url, types: ['settlement.credited'] });
    await webhooks.create(BOB, { url, types: ['settlement.paid'] });
    await creditedOnce(credited('r1'));
    expect(await deliver.pass(now)).toBe(2);
    expect(await deliver.pass(now)).toBe(0);

    const bodies = new Map(received.map((one) => [JSON.parse(one.body).data.feeWei ?? 'payee', one]));
    const toPayer = bodies.get('100');
    const toAlice = bodies.get('payee');
    expect(toPayer && verified(secretOf(payers), toPayer).data).toEqual({
      requestId: 'r1',
      modelId: 'model',
      feeWei: '100',
      earned: [],
    });
    expect(toAlice && verified(secretOf(alices), toAlice).data).toEqual({
      requestId: 'r1',
      modelId: 'model',
      earned: [
        { role: 'contributor', amountWei: '60' },
        { role: 'royalty', amountWei: '5' },
      ],
    });
    expect(() => toAlice && verified(secretOf(payers), toAlice)).toThrow();
  });

  it('come once for an event however often it is handled, and keep their id through retries', async () => {
    const endpoint = await webhooks.create(PAYER, { url, types: ['settlement.credited'] });
    const eventId = newId();
    for (let i = 0; i < 3; i += 1) await creditedOnce(credited('r1'), eventId);
    status = 500;
    expect(await deliver.pass(now)).toBe(1);
    expect(await deliver.pass(now)).toBe(0);
    nowMs += 5_000;
    status = 200;
    expect(await deliver.pass(now)).toBe(1);
    expect(received.map(({ headers }) => headers['webhook-id'])).toEqual(
      Array(2).fill(received[0]?.headers['webhook-id']),
    );
    expect(await webhooks.deliveries(PAYER, endpoint.id, 10)).toMatchObject([
      { state: 'delivered', attempts: 2, lastStatus: 200 },
    ]);
  });

  it('are given up after ten failures, and replayed on request', async () => {
    const endpoint = await webhooks.create(PAYER, { url, types: ['settlement.credited'] });
    const before = now();
    await creditedOnce(credited('r1'));
    status = 302;
    for (let i = 0; i < 12; i += 1) {
      await deliver.pass(now);
      nowMs += 24 * 3_600_000;
    }
    expect(received).toHaveLength(10);
    expect(await webhooks.deliveries(PAYER, endpoint.id, 10)).toMatchObject([
      { state: 'failed', attempts: 10 },
    ]);
    status = 200;
    expect(await webhooks.replay(PAYER, endpoint.id, before)).toBe(1);
    await deliver.pass(now);
    expect(received).toHaveLength(11);
  });

  it('stop at 410, and a receiver that is down does not hold up another', async () => {
    const gone = await webhooks.create(PAYER, { url, types: ['settlement.credited'] });
    await webhooks.create(ALICE, { url: 'http://127.0.0.1:1/down', types: ['settlement.credited'] });
    status = 410;
    await creditedOnce(credited('r1'));
    expect(await deliver.pass(now)).toBe(2);
    expect(await webhooks.list(PAYER)).toMatchObject([
      { state: 'disabled', reason: expect.stringContaining('410') },
    ]);
    await creditedOnce(credited('r2'));
    expect(await deliver.pass(now)).toBe(1);
    await webhooks.enable(PAYER, gone.id);
    expect(await webhooks.list(PAYER)).toMatchObject([{ state: 'active' }]);
  });

  it('are signed with both secrets for a day after a change', async () => {
    const endpoint = await webhooks.create(PAYER, { url, types: ['webhook.test'] });
    const fresh = await webhooks.rotate(PAYER, endpoint.id);
    await webhooks.test(PAYER, endpoint.id);
    await deliver.pass(now);
    const [one] = received;
    for (const secret of [secretOf(endpoint), fresh])
      expect(one && verified(secret, one).type).toBe('webhook.test');
    nowMs += 25 * 3_600_000;
    await webhooks.test(PAYER, endpoint.id);
    await deliver.pass(now);
    expect(String(received[1]?.headers['webhook-signature']).split(' ')).toHaveLength(1);
  });

  it.each([
    'http://example.org/hook',
    'https://127.0.0.1/hook',
    'https://2130706433/hook',
    'https://[::1]/hook',
    'https://[::ffff:10.0.0.1]/hook',
    'https://169.254.169.254/latest',
    'https://localhost/hook',
    'https://user:secret@example.org/hook',
  ])('never call %s', (given) => {
    expect(() => new HttpWebhookSender({ allowInternal: false }).check(given)).toThrow(
      expect.objectContaining({ code: 'WEBHOOK_URL_REFUSED' }),
    );
  });

  it('check what a name resolves to when they call it', async () => {
    // A name that its owner points at the receiver's own machine after it was checked.
    const rebound = ((_name: string, _options: object, done: (error: null, found: object[]) => void) =>
      done(null, [{ address: '127.0.0.1', family: 4 }])) as unknown as typeof lookup;
    const strict = new HttpWebhookSender({ allowInternal: false, lookup: rebound });
    const endpoint = await webhooks.create(PAYER, { url, types: ['webhook.test'] });
    const message = {
      id: newId(),
      ownerId: PAYER,
      type: 'webhook.test',
      body: '{}',
      occurredAt: now(),
    } as const;
    const outcome = await strict.send({ ...endpoint, url: 'https://example.org/' }, message, now());
    expect(outcome).toEqual({ kind: 'failed', error: expect.stringContaining('internal addresses only') });
    expect(received).toHaveLength(0);
  });

  it('belong to their owner alone, ten at most', async () => {
    const endpoint = await webhooks.create(PAYER, { url, types: ['webhook.test'] });
    await expect(webhooks.delete(ALICE, endpoint.id)).rejects.toMatchObject({ code: 'WEBHOOK_UNKNOWN' });
    await expect(webhooks.rotate(PAYER, 'nonsense')).rejects.toMatchObject({ code: 'WEBHOOK_UNKNOWN' });
    const all = Array.from({ length: 12 }, () => webhooks.create(PAYER, { url, types: ['webhook.test'] }));
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.filter(({ status: one }) => one === 'fulfilled')).toHaveLength(9);
    await webhooks.delete(PAYER, endpoint.id);
    expect(await webhooks.list(PAYER)).toHaveLength(9);
  });
});
