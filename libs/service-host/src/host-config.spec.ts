import { loadConfig } from '@openledger/config';
import { HostConfig } from './host-config.js';

const least = { DATABASE_URL: 'postgres://db/openledger', SERVICE_TOKEN: 'x'.repeat(16) };
const kafka = { ...least, EVENT_LOG: 'kafka', KAFKA_BROKERS: 'a:9092, b:9092' };
const login = { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'openledger' };

describe('HostConfig', () => {
  it('speaks plain text to Kafka, without a login, unless told otherwise', () => {
    const config = loadConfig(HostConfig, kafka);
    expect(config).toMatchObject({ KAFKA_BROKERS: ['a:9092', 'b:9092'], KAFKA_TLS: false });
    expect(config.KAFKA_SASL_MECHANISM).toBeUndefined();
    expect(loadConfig(HostConfig, { ...kafka, KAFKA_TLS: 'true' }).KAFKA_TLS).toBe(true);
  });

  it.each([
    ['no brokers', { ...least, EVENT_LOG: 'kafka' }, 'KAFKA_BROKERS'],
    ['a login without a password', { ...kafka, ...login }, 'KAFKA_SASL'],
    ['a password without a login', { ...kafka, KAFKA_SASL_PASSWORD: 'secret' }, 'KAFKA_SASL'],
    ['a mechanism that it does not know', { ...kafka, KAFKA_SASL_MECHANISM: 'gssapi' }, 'KAFKA_SASL'],
    ['no replica', { ...kafka, KAFKA_REPLICATION_FACTOR: '0' }, 'KAFKA_REPLICATION_FACTOR'],
    ['a statement without time', { ...least, DATABASE_STATEMENT_TIMEOUT_MS: '0' }, 'DATABASE_STATEMENT'],
  ])('refuses %s', (_, env, says) => {
    expect(() => loadConfig(HostConfig, env)).toThrow(says);
  });

  it('takes a whole login', () => {
    const config = loadConfig(HostConfig, { ...kafka, ...login, KAFKA_SASL_PASSWORD: 'secret' });
    expect(config).toMatchObject({ ...login, KAFKA_SASL_PASSWORD: 'secret' });
  });
});
