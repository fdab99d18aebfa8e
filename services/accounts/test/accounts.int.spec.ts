import { RemoteAuthenticator, type Scope } from '@openledger/auth';
import type { EventRecord } from '@openledger/event-log';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { Database } from '@openledger/persistence';
import { type RunningService, startService } from '@openledger/service-host';
import { eventually, testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import { accounts } from '../src/index.js';
import { Client, logIn, siweText } from './client.js';

const SERVICE_TOKEN = 's'.repeat(32);
const operator = Wallet.createRandom();

let service: RunningService;
let database: Database;
let client: Client;
let remote: RemoteAuthenticator;
const events: EventRecord[] = [];

beforeAll(async () => {
  const url = await testDatabase();
  const eventLog = new MemoryEventLog();
  const env = {
    DATABASE_URL: url,
    SERVICE_TOKEN,
    HTTP_PORT: '0',
    GRPC_PORT: '0',
    LOG_LEVEL: 'silent',
    API_KEY_PEPPER: 'p'.repeat(32),
    SIWE_DOMAIN: 'app.openledger.test',
    SIWE_URI: 'https://app.openledger.test/login',
    OPERATOR_WALLETS: operator.address,
  };
  service = await startService(accounts, { env, eventLog });
  await eventLog.subscribe({
    group: 'test',
    topics: ['contributor.registered.v1', 'organisation.created.v1'],
    handle: async (record) => void events.push(record),
  });
  database = await Database.open({ url, schema: 'accounts', migrations: accounts.migrations });
  remote = new RemoteAuthenticator({
    address: `127.0.0.1:${service.grpcPort}`,
    serviceToken: SERVICE_TOKEN,
    log: console,
  });
  client = new Client(`http://127.0.0.1:${service.httpPort}`);
});

afterAll(async () => {
  remote?.close();
  await service?.stop();
  await database?.close();
});

/** A person with a session and an organisation. */
async function person(wallet = Wallet.createRandom()) {
  const { body: session } = await logIn(client, wallet);
  const me = client.as(session.token);
  const { body: organisation } = await me.post('/organisations', { name: 'Clinic' });
  return { wallet, session, me, organisation };
}

const bodyOf = (record: EventRecord | undefined) => JSON.parse(Buffer.from(record?.body ?? []).toString());

describe('login with a wallet', () => {
  it('registers the person once, tells the platform, and gives a session', async () => {
    const wallet = Wallet.createRandom();
    const first = await logIn(client, wallet, 'Ada');
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ walletAddress: wallet.address, displayName: 'Ada', registered: true });
    expect(first.body.token).toMatch(/^ols_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);

    const second = await logIn(client, wallet, 'Someone else');
    expect(second.body).toMatchObject({
      personId: first.body.personId,
      displayName: 'Ada',
      registered: false,
    });
    expect(second.body.token).not.toBe(first.body.token);

    const { personId } = first.body;
    await eventually(() => expect(events.map(({ key }) => key)).toContain(personId));
    const [event, ...more] = events.filter(({ key }) => key === personId);
    expect(more).toEqual([]);
    expect(bodyOf(event)).toMatchObject({
      contributorId: personId,
      displayName: 'Ada',
      walletAddress: wallet.address,
    });
    const me = await client.as(first.body.token).get('/me');
    expect(me.body).toMatchObject({ personId, organisations: [], organisationId: null });
    expect(me.body.scopes).toContain('contributions:write');
    expect(me.body.scopes).not.toContain('settlement:operate');
  });

  it('makes one person of two first logins at the same time', async () => {
    const wallet = Wallet.createRandom();
    const answers = await Promise.all([logIn(client, wallet), logIn(client, wallet), logIn(client, wallet)]);
    expect(new Set(answers.map(({ body }) => body.personId)).size).toBe(1);
    expect(answers.filter(({ body }) => body.registered)).toHaveLength(1);
  });

  it('refuses a replayed nonce, also when both come at once', async () => {
    const wallet = Wallet.createRandom();
    const { message, signature } = await logIn(client, wallet);
    const replay = await client.post('/siwe/verify', { message, signature });
    expect(replay).toMatchObject({ status: 401, body: { code: 'SIWE_NONCE_USED' } });

    const { body: fields } = await client.post('/siwe/nonce');
    const fresh = siweText(wallet.address, fields);
    const body = { message: fresh, signature: await wallet.signMessage(fresh) };
    const both = await Promise.all([client.post('/siwe/verify', body), client.post('/siwe/verify', body)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
  });

  it.each([
    ['SIWE_DOMAIN_MISMATCH', 401, { domain: 'evil.test' }],
    ['SIWE_URI_MISMATCH', 401, { uri: 'https://evil.test/login' }],
    ['SIWE_CHAIN_MISMATCH', 401, { chainId: 1 }],
    ['SIWE_NONCE_UNKNOWN', 401, { nonce: 'abcdefgh12345678' }],
    ['SIWE_MESSAGE_EXPIRED', 401, { expirationTime: '2020-01-01T00:00:00Z' }],
    ['SIWE_MESSAGE_MALFORMED', 400, { issuedAt: 'now' }],
  ])('refuses with %s', async (code, status, changes) => {
    const wallet = Wallet.createRandom();
    const { body: fields } = await client.post('/siwe/nonce');
    const message = siweText(wallet.address, { ...fields, ...changes });
    const answer = await client.post('/siwe/verify', {
      message,
      signature: await wallet.signMessage(message),
    });
    expect(answer).toMatchObject({ status, body: { code } });
  });

  it('refuses the signature of another wallet, and what is no signature, without using up the nonce', async () => {
    const wallet = Wallet.createRandom();
    const { body: fields } = await client.post('/siwe/nonce');
    const message = siweText(wallet.address, fields);
    const wrong = [await Wallet.createRandom().signMessage(message), '0x1234', ''];
    for (const signature of wrong) {
      const answer = await client.post('/siwe/verify', { message, signature });
      expect(answer).toMatchObject({ status: 401, body: { code: 'SIWE_SIGNATURE_INVALID' } });
    }
    const signature = await wallet.signMessage(message);
    expect((await client.post('/siwe/verify', { message, signature })).status).toBe(200);
  });

  it('refuses an address without its checksum', async () => {
    const wallet = Wallet.createRandom();
    const { body: fields } = await client.post('/siwe/nonce');
    const message = siweText(wallet.address.toLowerCase(), fields);
    const answer = await client.post('/siwe/verify', {
      message,
      signature: await wallet.signMessage(message),
    });
    expect(answer.body.code).toBe('SIWE_MESSAGE_MALFORMED');
  });

  it('ends a session on log-out and after its time', async () => {
    const { me, session } = await person();
    expect((await me.delete('/siwe/session')).status).toBe(204);
    expect(await me.get('/me')).toMatchObject({ status: 401, body: { code: 'CREDENTIAL_REVOKED' } });

    const { body } = await logIn(client, Wallet.createRandom());
    await expire(body.token);
    const late = await client.as(body.token).get('/me');
    expect(late).toMatchObject({ status: 401, body: { code: 'CREDENTIAL_EXPIRED' } });
    expect(session.expiresAt > new Date().toISOString()).toBe(true);
  });

  it('lets only the wallets of operators operate settlement', async () => {
    const { me } = await person(operator);
    expect((await me.get('/me')).body.scopes).toContain('settlement:operate');
    const made = await me.post('/api-keys', { name: 'operator', scopes: ['settlement:operate'] });
    expect(made.status).toBe(201);

    const other = await person();
    const refused = await other.me.post('/api-keys', { name: 'mine', scopes: ['settlement:operate'] });
    expect(refused).toMatchObject({ status: 403, body: { code: 'SCOPE_NOT_HELD' } });
  });
});

const idOf = (credential: string) => /_([0-9A-Za-z]{8})_/.exec(credential)?.[1];

const expire = (credential: string) =>
  database.query(`UPDATE credential SET expires_at = now() - interval '1 second' WHERE credential_id = $1`, [
    idOf(credential),
  ]);

describe('organisations', () => {
  it('belong to the person who makes them, who acts for the newest', async () => {
    const { me, organisation, wallet, session } = await person();
    const second = await me.post('/organisations', { name: ' Laboratory ' });
    expect(second).toMatchObject({ status: 201, body: { name: 'Laboratory' } });
    const { body } = await me.get('/me');
    expect(body.organisations).toEqual([second.body, organisation]);
    expect(body.organisationId).toBe(second.body.organisationId);
    await eventually(() => expect(events.map(({ key }) => key)).toContain(organisation.organisationId));
    expect(bodyOf(events.find(({ key }) => key === organisation.organisationId))).toMatchObject({
      name: 'Clinic',
      ownerPersonId: session.personId,
      walletAddress: wallet.address,
    });
  });

  it.each([[{}], [{ name: '' }], [{ name: 'x'.repeat(121) }], [{ name: 'x', owner: 'me' }]])(
    'refuses %j',
    async (body) => {
      const { me } = await person();
      expect(await me.post('/organisations', body)).toMatchObject({
        status: 400,
        body: { code: 'REQUEST_INVALID' },
      });
    },
  );
});

describe('API keys', () => {
  const order = { name: 'ci', scopes: ['datanets:write', 'keys:write'] satisfies Scope[] };

  it('are shown once, work here and over gRPC, and remember when they were used', async () => {
    const { me, session, organisation, wallet } = await person();
    const { status, body: made } = await me.post('/api-keys', { ...order, expiresInDays: 30 });
    expect(status).toBe(201);
    expect(made.key).toMatch(/^olk_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);
    expect(made).toMatchObject({ ...order, organisationId: organisation.organisationId, lastUsedAt: null });

    const principal = await remote.authenticate(made.key);
    expect(principal).toEqual({
      personId: session.personId,
      organisationId: organisation.organisationId,
      walletAddress: wallet.address,
      scopes: new Set(order.scopes),
      credentialId: made.id,
      limits: {},
    });
    const { body: listed } = await client.as(made.key).get('/api-keys');
    expect(listed.items).toHaveLength(1);
    expect(listed.items[0]?.lastUsedAt).not.toBeNull();
    expect(JSON.stringify(listed)).not.toContain(made.key.slice(18));
  });

  it('carry limits, and make no key that may do more', async () => {
    const { me } = await person();
    const limits = { requestsPerMinute: 60, tokensPerMinute: 10_000 };
    const { body: made } = await me.post('/api-keys', { ...order, limits });
    expect(made).toMatchObject({ limits });
    expect(await remote.authenticate(made.key)).toMatchObject({ limits });

    const holder = client.as(made.key);
    const { body: narrower } = await holder.post('/api-keys', { ...order, limits: { tokensPerMinute: 5 } });
    expect(narrower).toMatchObject({ limits: { requestsPerMinute: 60, tokensPerMinute: 5 } });
    const wider = await holder.post('/api-keys', { ...order, limits: { requestsPerMinute: 61 } });
    expect(wider).toMatchObject({ status: 403, body: { code: 'LIMIT_NOT_HELD' } });
    for (const value of [0, -1, 1.5, 2 ** 40]) {
      const refused = await me.post('/api-keys', { ...order, limits: { tokensPerMinute: value } });
      expect(refused.status).toBe(400);
    }
  });

  it('are not readable from the database', async () => {
    const { me } = await person();
    const { body: made } = await me.post('/api-keys', order);
    const rows = await database.query('SELECT * FROM credential WHERE credential_id = $1', [made.id]);
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(made.key.slice(18, 61));
  });

  it('fail with a stable code when expired, revoked, unknown or mistyped, in REST and in gRPC', async () => {
    const { me } = await person();
    const make = async () => (await me.post('/api-keys', order)).body;
    const [expired, revoked, known] = [await make(), await make(), await make()];
    await expire(expired.key);
    expect((await me.delete(`/api-keys/${revoked.id}`)).status).toBe(204);
    expect((await me.delete(`/api-keys/${revoked.id}`)).status).toBe(404);

    // Right in form, but of another key's secret: only the stored digest tells.
    const { body: stranger } = await (await person()).me.post('/api-keys', order);
    await database.query('UPDATE credential SET digest = $2 WHERE credential_id = $1', [
      stranger.id,
      '0'.repeat(64),
    ]);
    const mistyped = known.key.slice(0, -1) + (known.key.endsWith('a') ? 'b' : 'a');
    const cases: [code: string, key: string][] = [
      ['CREDENTIAL_EXPIRED', expired.key],
      ['CREDENTIAL_REVOKED', revoked.key],
      ['CREDENTIAL_UNKNOWN', stranger.key],
      ['CREDENTIAL_UNKNOWN', mistyped],
      ['CREDENTIAL_UNKNOWN', 'sk-something'],
    ];
    for (const [code, key] of cases) {
      expect(await client.as(key).get('/me')).toMatchObject({ status: 401, body: { code } });
      await expect(remote.authenticate(key)).rejects.toMatchObject({ code, kind: 'unauthenticated' });
    }
    expect(await client.get('/me')).toMatchObject({ status: 401, body: { code: 'CREDENTIAL_MISSING' } });
  });

  it('cannot give more than the caller has, nor reach beyond its organisations', async () => {
    const [ada, bob] = [await person(), await person()];
    const { body: narrow } = await ada.me.post('/api-keys', order);
    const wider = await client.as(narrow.key).post('/api-keys', { ...order, scopes: ['training:write'] });
    expect(wider).toMatchObject({ status: 403, body: { code: 'SCOPE_NOT_HELD' } });

    const foreign = { ...order, organisationId: bob.organisation.organisationId };
    const taken = await ada.me.post('/api-keys', foreign);
    expect(taken).toMatchObject({ status: 404, body: { code: 'ORGANISATION_UNKNOWN' } });
    const { body: second } = await ada.me.post('/organisations', { name: 'Second' });
    const sideways = await client.as(narrow.key).post('/api-keys', { ...order, ...second, name: 'x' });
    expect(sideways.status).toBe(404);
    expect((await bob.me.delete(`/api-keys/${narrow.id}`)).status).toBe(404);
    expect((await client.as(narrow.key).post('/organisations', { name: 'x' })).body.code).toBe(
      'SCOPE_MISSING',
    );
  });

  it('are bounded in number', async () => {
    const { me } = await person();
    for (let i = 0; i < 100; i++) expect((await me.post('/api-keys', order)).status).toBe(201);
    expect(await me.post('/api-keys', order)).toMatchObject({
      status: 409,
      body: { code: 'API_KEYS_TOO_MANY' },
    });
  });
});

it('answers gRPC to services of the platform only', async () => {
  const logged: string[] = [];
  const stranger = new RemoteAuthenticator({
    address: `127.0.0.1:${service.grpcPort}`,
    serviceToken: 'x'.repeat(32),
    log: { error: (_details, message) => void logged.push(message) },
  });
  await expect(stranger.authenticate('olk_live_x')).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'PLATFORM_MISCONFIGURED',
  });
  expect(logged).toEqual([expect.stringContaining('SERVICE_TOKEN')]);
  stranger.close();
});
