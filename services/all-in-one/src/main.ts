import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { DomainError } from '@openledger/kernel';
import { play, remember } from './demo/play.js';
import { harbourScenario } from './demo/scenario.js';
import { type Options, readOptions, USAGE } from './options.js';
import { type Platform, startPlatform } from './platform/platform.js';
import { bold, createTerminal, dim, type Terminal } from './terminal/steps.js';

const NODE_MIN = 24;

async function main(): Promise<void> {
  const root = join(import.meta.dirname, '..', '..', '..', '..');
  const options = readOptions(process.argv.slice(2), root);
  if (options.help) return console.log(USAGE);
  if (Number(process.versions.node.split('.')[0]) < NODE_MIN) {
    throw new DomainError(
      'precondition',
      'NODE_TOO_OLD',
      `This needs Node ${NODE_MIN}: start it with npm start.`,
    );
  }
  const terminal = createTerminal(process.stdout);
  const platform = await start(options, terminal);
  const stopped = stopOnSignal(platform, terminal);
  try {
    await serve(options, platform, terminal);
  } catch (error) {
    await platform.stop();
    throw error;
  }
  if (options.once) await platform.stop();
  else await stopped;
}

async function serve(options: Options, platform: Platform, terminal: Terminal): Promise<void> {
  const memory = join(options.dataDir, 'demo.json');
  let remembered = await readRemembered(memory);
  if (options.demo && remembered === undefined) {
    await demo(options, platform, terminal);
    remembered = await readRemembered(memory);
  }
  if (!options.once) showDoors(platform, terminal, remembered);
}

async function start(options: Options, terminal: Terminal): Promise<Platform> {
  terminal.line(bold('OpenLedger'));
  return terminal.step('Starting', async (step) => {
    let parts = 0;
    const onStarting = (part: string) => step.progress(parts++ / PARTS, part);
    const env = pick(process.env, EVENT_LOG_VARIABLES);
    const platform = await startPlatform({ ...options, env, onStarting });
    step.progress(1, platform.url);
    return platform;
  });
}

const EVENT_LOG_VARIABLES = [
  'EVENT_LOG',
  'KAFKA_BROKERS',
  'KAFKA_TLS',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_SASL_PASSWORD_FILE',
  'KAFKA_REPLICATION_FACTOR',
];

/** PostgreSQL, chain, event log, eight services, front. */
const PARTS = 12;

async function demo(options: Options, platform: Platform, terminal: Terminal): Promise<void> {
  const scenario = await harbourScenario();
  const begun = Date.now();
  const played = await play(platform, scenario, terminal);
  await remember(options.dataDir, played, scenario);
  terminal.line(dim(`\n  the whole loop took ${((Date.now() - begun) / 1_000).toFixed(0)} s`));
}

interface Remembered {
  readonly apiKey: string;
  readonly model: string;
  readonly question: string;
}

async function readRemembered(file: string): Promise<Remembered | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Remembered;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function showDoors(platform: Platform, terminal: Terminal, remembered: Remembered | undefined): void {
  terminal.heading('Ready');
  terminal.line(`  REST   ${platform.url}   OpenAI-compatible under ${platform.url}/v1`);
  terminal.line(`  gRPC   ${platform.grpcAddress}   openledger.inference.v1.InferenceService`);
  terminal.line(`  chain  ${platform.chain.chain.rpcUrl}   token ${platform.chain.deployment.token}`);
  if (remembered) {
    const body = JSON.stringify({
      model: remembered.model,
      messages: [{ role: 'user', content: remembered.question }],
    });
    terminal.line(`  key    ${remembered.apiKey}`);
    terminal.line(
      `\n  curl ${platform.url}/v1/chat/completions -H 'authorization: Bearer ${remembered.apiKey}' \\`,
    );
    terminal.line(`    -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`);
  }
  terminal.line(dim('\n  Ctrl-C stops; the next start continues where this one ended.'));
}

/**
 * The first signal stops in order. A second one has its default effect and ends the process at once:
 * `process.exit` would first interrupt the threads, which aborts where one is inside native code.
 */
function stopOnSignal(platform: Platform, terminal: Terminal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      terminal.line();
      terminal.step('Stopping', () => platform.stop()).then(resolve, reject);
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

function pick(env: NodeJS.ProcessEnv, names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof DomainError ? `\n${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
