import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kafkaJars } from './jars.mjs';
import { brokersKnownAt, freePort } from './probe.mjs';
import { secureListener } from './secure-listener.mjs';

const HEAP = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const LOGGING = fileURLToPath(new URL('./log4j2.properties', import.meta.url));
const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 200;

/** One node that is broker and controller; every internal topic has one replica on it. */
function properties({ dir, port, controllerPort, secure }) {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},${secure.address},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},${secure.address}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT',
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${join(dir, 'data')}`,
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=2',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'controlled.shutdown.enable=false',
    ...secure.properties,
    '',
  ].join('\n');
}

function java(jars, mainClass, ...args) {
  return [...HEAP, `-Dlog4j2.configurationFile=${LOGGING}`, '-cp', join(jars, '*'), mainClass, ...args];
}

function formatStorage(jars, dir, config) {
  if (existsSync(join(dir, 'data', 'meta.properties'))) return;
  const clusterId = randomBytes(16).toString('base64url');
  const args = java(jars, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config);
  const tool = spawnSync('java', args, { encoding: 'utf8', timeout: START_TIMEOUT_MS });
  if (tool.status === 0) return;
  throw new Error(`Kafka storage could not be formatted:\n${tool.stdout}${tool.stderr}`, {
    cause: tool.error,
  });
}

async function answering(broker, port, log) {
  for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await delay(POLL_MS)) {
    if (broker.exitCode !== null || broker.signalCode !== null) break;
    if ((await brokersKnownAt(port)) > 0) return;
  }
  throw new Error(`Kafka did not start:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
}

async function stopBroker(broker) {
  if (broker.exitCode !== null || broker.signalCode !== null) return;
  const gone = new Promise((done) => broker.once('exit', done));
  broker.kill('SIGTERM');
  const timer = setTimeout(() => broker.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/**
 * Starts one Apache Kafka broker on loopback and resolves when clients can use it. `dir` keeps its
 * data between starts; port 0 takes a free one. `secure` is the environment of clients that use TLS and
 * SASL. `stop` may be called more than once.
 */
export async function startKafka({ dir, port = 0 }) {
  const folder = resolve(dir);
  mkdirSync(folder, { recursive: true });
  const jars = kafkaJars();
  const brokerPort = port === 0 ? await freePort() : port;
  const config = join(folder, 'server.properties');
  const secure = secureListener(folder, await freePort());
  const controllerPort = await freePort();
  writeFileSync(config, properties({ dir: folder, port: brokerPort, controllerPort, secure }));
  formatStorage(jars, folder, config);
  const log = join(folder, 'server.log');
  const output = openSync(log, 'a');
  const broker = spawn('java', java(jars, 'kafka.Kafka', config), { stdio: ['ignore', output, output] });
  closeSync(output);
  const failed = new Promise((_, reject) => broker.once('error', reject));
  try {
    await Promise.race([failed, answering(broker, brokerPort, log)]);
  } catch (error) {
    await stopBroker(broker);
    throw error;
  }
  const brokers = `127.0.0.1:${brokerPort}`;
  return { brokers, secure: secure.env, pid: broker.pid, stop: () => stopBroker(broker) };
}

async function serve() {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: '.openledger/kafka' },
      port: { type: 'string', default: '9092' },
    },
  });
  const kafka = await startKafka({ dir: values.dir, port: Number(values.port) });
  process.stdout.write(`KAFKA_BROKERS=${kafka.brokers}\n`);
  await new Promise((asked) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, asked);
  });
  await kafka.stop();
}

if (import.meta.main) await serve();
