import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from './start.mjs';

/** `node deploy/kafka/with-broker.mjs COMMAND…` runs the command beside a fresh broker of its own. */
const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error('usage: with-broker.mjs COMMAND [ARGUMENT…]');

const dir = mkdtempSync(join(tmpdir(), 'openledger-kafka-'));
const kafka = await startKafka({ dir });
try {
  const child = spawn(command, args, {
    stdio: 'inherit',
    env: { ...process.env, EVENT_LOG: 'kafka', KAFKA_BROKERS: kafka.brokers, ...kafka.secure },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((done, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => done(code ?? 1));
  });
} finally {
  await kafka.stop();
  rmSync(dir, { recursive: true, force: true });
}
