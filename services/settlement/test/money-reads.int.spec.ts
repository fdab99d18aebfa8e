import type { Principal } from '@openledger/auth';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { newId } from '@openledger/kernel';
import { chainSettings } from '@openledger/onchain';
import { type RunningService, startService } from '@openledger/service-host';
import { KnownCallers, testDatabase } from '@openledger/testing';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { settlement } from '../src/index.js';
import { type ChainFixture, startChain } from './chain-fixture.js';

const PAYER = newId();
const callers: Readonly<Record<string, Partial<Principal>>> = {
  payer: { organisationId: PAYER },
  person: { personId: newId() },
  operator: { organisationId: newId() },
  reader: { organisationId: PAYER, scopes: new Set(['balance:read']) },
};

describe('policies, webhooks and statements over REST', () => {
  let fixture: ChainFixture;
  let eventLog: MemoryEventLog;
  let service: RunningService;

  beforeAll(async () => {
    fixture = await startChain();
    eventLog = new MemoryEventLog();
    service = await startService(settlement, {
      env: {
        DATABASE_URL: await testDatabase(),
        SERVICE_TOKEN: 'x'.repeat(32),
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'error',
        CHAIN_RPC_URL: fixture.chain.rpcUrl,
        ...chainSettings(fixture.deployment),
        SETTLEMENT_OPERATOR_KEY: fixture.operatorKey,
      },
      authenticator: new KnownCallers((credential) => callers[credential]),
      eventLog,
    });
  });
  afterAll(async () => {
    await service.stop();
    await eventLog.close();
    await fixture.chain.stop();
  });

  const call = async (method: string, path: string, credential?: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${service.httpPort}/settlement/${path}`, {
      method,
      headers: {
        ...(credential ? { authorization: `Bearer ${credential}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: json ? JSON.parse(text) : undefined,
    };
  };
  const refusal = async (...request: Parameters<typeof call>) => {
    const { status, body } = await call(...request);
    return `${status} ${body?.code}`;
  };

  it('show the policy in force to everybody', async () => {
    const { body } = await call('GET', 'policies');
    expect(body.policies[0]).toMatchObject({ version: 1, roles: DEFAULT_ROLE_SPLIT });
  });

  it('let operators try shares and bind workers’ keys, and nobody else', async () => {
    const { nodeBps, ...four } = DEFAULT_ROLE_SPLIT;
    expect(await refusal('POST', 'policies/simulate', 'operator', { ...four, nodeBps })).toBe(
      '412 NOTHING_TO_SIMULATE',
    );
    expect(await refusal('POST', 'policies/simulate', 'operator', { ...four, nodeBps, stakersBps: 1 })).toBe(
      '400 SPLIT_NOT_WHOLE',
    );
    expect(await refusal('POST', 'policies/simulate', 'operator', four)).toBe('400 REQUEST_INVALID');
    expect((await call('POST', 'policies/simulate', 'reader', { ...four, nodeBps })).status).toBe(403);
    const key = 'ab'.repeat(32);
    expect((await call('PUT', `nodes/${key}`, 'operator', { organisationId: PAYER })).status).toBe(204);
    expect(await refusal('PUT', 'nodes/zz', 'operator', { organisationId: PAYER })).toBe(
      '400 NODE_KEY_INVALID',
    );
    expect(await refusal('PUT', `nodes/${key}`, 'operator', { organisationId: 'me' })).toBe(
      '400 REQUEST_INVALID',
    );
  });

  it('keep webhooks, and show a secret once', async () => {
    const made = await call('POST', 'webhooks', 'payer', {
      url: 'https://example.org/hook',
      types: ['settlement.credited', 'settlement.credited'],
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ types: ['settlement.credited'], state: 'active' });
    expect(made.body.secret).toMatch(/^whsec_/);
    const listed = await call('GET', 'webhooks', 'payer');
    expect(listed.body.webhooks).toHaveLength(1);
    expect(listed.text).not.toContain('whsec_');
    expect((await call('GET', 'webhooks', 'person')).body.webhooks).toEqual([]);
    expect((await call('POST', `webhooks/${made.body.id}/test`, 'payer')).status).toBe(202);
    expect((await call('GET', `webhooks/${made.body.id}/deliveries`, 'payer')).body.deliveries).toHaveLength(
      1,
    );
    const since = new Date(Date.now() - 60_000).toISOString();
    expect((await call('POST', `webhooks/${made.body.id}/replay`, 'payer', { since })).body).toEqual({
      queued: 0,
    });
    const rotated = await call('POST', `webhooks/${made.body.id}/secret`, 'payer');
    expect(rotated.body.secret).not.toBe(made.body.secret);
    expect(await refusal('DELETE', `webhooks/${made.body.id}`, 'person')).toBe('404 WEBHOOK_UNKNOWN');
    expect((await call('DELETE', `webhooks/${made.body.id}`, 'payer')).status).toBe(204);

    for (const url of ['http://example.org', 'https://10.1.2.3/', 'ftp://example.org']) {
      expect(await refusal('POST', 'webhooks', 'payer', { url, types: ['settlement.paid'] })).toBe(
        '400 WEBHOOK_URL_REFUSED',
      );
    }
    expect(await refusal('POST', 'webhooks', 'payer', { url: 'nowhere', types: ['settlement.paid'] })).toBe(
      '400 REQUEST_INVALID',
    );
    expect((await call('GET', 'webhooks')).status).toBe(401);
  });

  it('write statements as JSON, CSV and a page', async () => {
    const month = new Date().toISOString().slice(0, 7);
    const json = await call('GET', `statements/prepaid/${month}`, 'reader');
    expect(json.body).toMatchObject({
      ownerId: PAYER,
      openingWei: '0',
      closingWei: '0',
      lines: [],
      final: false,
    });
    const csv = await call('GET', `statements/prepaid/${month}?format=csv`, 'reader');
    expect(csv.headers.get('content-disposition')).toContain(`openledger-prepaid-${month}.csv`);
    expect(csv.text.split('\r\n')).toHaveLength(4);
    const html = await call('GET', `statements/earnings/${month}?format=html`, 'person');
    expect(html.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html.text).toContain('<h1>Statement of earnings</h1>');
    expect(await refusal('GET', 'statements/prepaid/2099-01', 'reader')).toBe('400 MONTH_AHEAD');
    expect(await refusal('GET', 'statements/prepaid/2026-13', 'reader')).toBe('400 REQUEST_INVALID');
    expect((await call('GET', `statements/prepaid/${month}`, 'person')).status).toBe(403);
  });
});
