import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Body, Controller, Get, Inject, Module, Param, Post } from '@nestjs/common';
import { Caller, type Principal, Public, RequireScope } from '@openledger/auth';
import { encodeEvent, OrganisationCreated, topics } from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { Database, sqlMigration } from '@openledger/persistence';
import { eventually, KnownCallers, testDatabase } from '@openledger/testing';
import { z } from 'zod';
import { on, parse, type RunningService, type Service, startService } from '../src/index.js';

const personOf = (key: string): Partial<Principal> | undefined =>
  key === 'olk_good' ? { personId: 'p', scopes: new Set(['datanets:write']) } : undefined;

@Controller('things')
class Things {
  constructor(@Inject(Database) private readonly database: Database) {}

  @Public()
  @Get('open')
  open() {
    return { open: true };
  }

  @RequireScope('datanets:write')
  @Get('mine')
  mine(@Caller() caller: Principal) {
    return { person: caller.personId };
  }

  @RequireScope('keys:write')
  @Get('beyond')
  beyond() {
    return {};
  }

  @Get('undeclared')
  undeclared() {
    return {};
  }

  @Public()
  @Post()
  create(@Body() body: unknown) {
    return parse(z.object({ name: z.string() }), body);
  }

  @Public()
  @Get('named/:name')
  async named(@Param('name') name: string) {
    return { found: await this.database.query('SELECT 1 FROM thing WHERE name = $1', [name]) };
  }

  @Public()
  @Get('damaged')
  damaged() {
    return JSON.parse('the password is hunter2');
  }

  @Public()
  @Get('bug')
  bug() {
    throw new Error('the password is hunter2');
  }
}

@Module({})
class ThingsModule {}

const seen: string[] = [];
const thing: Service = {
  name: 'thing-service',
  migrations: [sqlMigration('CreateThing1700000000001', 'CREATE TABLE thing (name text PRIMARY KEY)')],
  compose: (host) => ({
    module: {
      module: ThingsModule,
      controllers: [Things],
      providers: [{ provide: Database, useValue: host.database }],
    },
    handlers: [
      on(topics.organisationCreated, (event, record) =>
        host.database.once('thing-service', record.id, async (tx) => {
          await tx.query('INSERT INTO thing VALUES ($1)', [event.name]);
          seen.push(event.name);
        }),
      ),
    ],
    start: async () => {
      const event = OrganisationCreated.create({ organisationId: 'o', name: 'Acme' });
      await host.database.transaction((tx) =>
        tx.emit(encodeEvent(topics.organisationCreated, newId(), event)),
      );
    },
  }),
};

describe('startService', () => {
  let running: RunningService;
  let base: string;
  const call = (path: string, init?: RequestInit) => fetch(`${base}${path}`, init);
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

  beforeAll(async () => {
    const env = {
      DATABASE_URL: await testDatabase(),
      SERVICE_TOKEN: 'x'.repeat(32),
      BIND_HOST: '127.0.0.1',
      HTTP_PORT: '0',
      LOG_LEVEL: 'silent',
    };
    running = await startService(thing, { env, authenticator: new KnownCallers(personOf) });
    base = `http://127.0.0.1:${running.httpPort}`;
  });
  afterAll(() => running.stop());

  it('publishes what a transaction emitted and hands it to the handler once', async () => {
    await eventually(() => expect(seen).toEqual(['Acme']));
  });

  it('answers health and metrics', async () => {
    expect((await call('/health/live')).status).toBe(200);
    expect((await call('/health/ready')).status).toBe(200);
    expect(await (await call('/metrics')).text()).toContain('outbox_lag_seconds');
  });

  it('opens only routes that declare their access', async () => {
    expect(await (await call('/things/open')).json()).toEqual({ open: true });
    expect(await (await call('/things/mine', as('olk_good'))).json()).toEqual({ person: 'p' });
    expect((await call('/things/mine')).status).toBe(401);
    expect((await call('/things/mine', as('olk_bad'))).status).toBe(401);
    expect((await call('/things/beyond', as('olk_good'))).status).toBe(403);
    expect((await call('/things/undeclared', as('olk_good'))).status).toBe(403);
  });

  it('answers refusals as problem details with a stable code and the request id', async () => {
    const post = (body: string) =>
      call('/things', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'x-request-id': 'r-1' },
      });
    const invalid = await post('{"name":7}');
    expect(invalid.status).toBe(400);
    expect(invalid.headers.get('content-type')).toContain('application/problem+json');
    expect(await invalid.json()).toMatchObject({ code: 'REQUEST_INVALID', status: 400, requestId: 'r-1' });
    expect(await (await post('{"name":')).json()).toMatchObject({ code: 'REQUEST_MALFORMED' });
    expect((await post(JSON.stringify({ name: 'x'.repeat(2_000_000) }))).status).toBe(413);
    expect(await (await call('/nowhere')).json()).toMatchObject({ code: 'ROUTE_UNKNOWN', status: 404 });
  });

  it.each(['bug', 'damaged'])('tells nothing about a bug: %s', async (route) => {
    const response = await call(`/things/${route}`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('hunter2');
  });

  it('refuses text that cannot be decoded or stored', async () => {
    expect((await call('/things/named/Acme')).status).toBe(200);
    const undecodable = await call('/things/named/%ff');
    expect(await undecodable.json()).toMatchObject({ status: 400, code: 'REQUEST_MALFORMED' });
    const unstorable = await call('/things/named/%00');
    expect(await unstorable.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    const headers = { 'content-type': 'application/json; charset=latin1' };
    const charset = await call('/things', { method: 'POST', body: '{}', headers });
    expect(await charset.json()).toMatchObject({ status: 415, code: 'REQUEST_MALFORMED' });
  });

  it('refuses a bad configuration, naming each variable', async () => {
    const start = startService(thing, { env: { HTTP_PORT: 'http' } });
    await expect(start).rejects.toThrow(/DATABASE_URL[\s\S]*HTTP_PORT[\s\S]*SERVICE_TOKEN/);
  });
});

it('shows no metrics where others share its port', async () => {
  const env = { DATABASE_URL: await testDatabase(), SERVICE_TOKEN: 'x'.repeat(32), LOG_LEVEL: 'silent' };
  const authenticator = new KnownCallers(personOf);
  const inside = await startService(thing, { env, authenticator, listen: false });
  const front = createServer(inside.listener).listen(0, '127.0.0.1');
  try {
    await once(front, 'listening');
    const base = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
    for (const path of ['/metrics', '/METRICS', '/metrics/']) {
      expect((await fetch(`${base}${path}`)).status).toBe(404);
    }
  } finally {
    front.close();
    await inside.stop();
  }
});
