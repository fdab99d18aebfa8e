import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ALIAS = 'broker';
const USER = 'openledger';

function keytool(...args) {
  const tool = spawnSync('keytool', args, { encoding: 'utf8', timeout: 60_000 });
  if (tool.status === 0) return tool.stdout;
  throw new Error(`keytool ${args[0]}:\n${tool.stdout}${tool.stderr}`, { cause: tool.error });
}

/**
 * What a listener over TLS with SASL PLAIN needs: a key of its own, the certificate that clients trust, and
 * one user. Made anew for each folder; the broker is for tests and answers on loopback alone.
 */
export function secureListener(dir, port) {
  const [keystore, certificate] = [join(dir, 'broker.p12'), join(dir, 'broker.pem')];
  const password = randomBytes(16).toString('hex');
  const store = ['-alias', ALIAS, '-keystore', keystore, '-storepass', ALIAS.repeat(2)];
  if (!existsSync(keystore)) {
    const names = ['-dname', 'CN=localhost', '-ext', 'san=ip:127.0.0.1,dns:localhost'];
    keytool('-genkeypair', '-keyalg', 'EC', '-validity', '30', '-storetype', 'PKCS12', ...names, ...store);
    writeFileSync(certificate, keytool('-exportcert', '-rfc', ...store));
  }
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  return {
    address: `SECURE://127.0.0.1:${port}`,
    properties: [
      'listener.name.secure.ssl.keystore.type=PKCS12',
      `listener.name.secure.ssl.keystore.location=${keystore}`,
      `listener.name.secure.ssl.keystore.password=${ALIAS.repeat(2)}`,
      'listener.name.secure.sasl.enabled.mechanisms=PLAIN',
      `listener.name.secure.plain.sasl.jaas.config=${login} user_${USER}="${password}";`,
    ],
    /** For clients; Node trusts the certificate by the last one. */
    env: {
      KAFKA_SECURE_BROKERS: `127.0.0.1:${port}`,
      KAFKA_SECURE_USERNAME: USER,
      KAFKA_SECURE_PASSWORD: password,
      NODE_EXTRA_CA_CERTS: certificate,
    },
  };
}
