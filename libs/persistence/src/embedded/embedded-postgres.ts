import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DomainError } from '@openledger/kernel';
import pg from 'pg';
import { binaries } from './binaries.js';
import { type Unprivileged, unprivileged } from './unprivileged.js';

export interface EmbeddedPostgresOptions {
  /** Holds the cluster and its password; made on first use. */
  readonly dir: string;
  /** A free port is taken when absent. */
  readonly port?: number;
  /** Tests set false: their data need not survive a power cut. Default true. */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  /** URL of the maintenance database, as superuser. */
  readonly url: string;
  /** Creates the database when it is missing and returns its URL. */
  database(name: string): Promise<string>;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** Starts the PostgreSQL that ships inside the npm package, initialising its folder on first use. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = join(options.dir, 'data');
  const passwordFile = join(options.dir, 'password');
  const as = await unprivileged();
  const native = await binaries();

  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  await as.own(options.dir);
  await stopOrphan(dataDir);
  if (!(await exists(join(dataDir, 'PG_VERSION')))) {
    await initialise(native.initdb, dataDir, passwordFile, as);
  }

  const password = (await readFile(passwordFile, 'utf8')).trim();
  const port = options.port ?? (await freePort());
  const url = (database: string) => `postgres://openledger:${password}@127.0.0.1:${port}/${database}`;
  const server = as.command(native.postgres, ['-D', dataDir, ...settings(port, options.durable ?? true)]);
  const child = spawn(server.file, server.args, {
    ...as.identity,
    // A group of its own: Ctrl-C in a terminal signals the whole group, and the database must stop last.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log = tail(child);
  await untilReady(child, url('postgres'), log);

  return {
    url: url('postgres'),
    database: async (name) => {
      await createDatabase(url('postgres'), name);
      return url(name);
    },
    stop: () => stop(child),
  };
}

async function initialise(
  initdb: string,
  dataDir: string,
  passwordFile: string,
  as: Unprivileged,
): Promise<void> {
  await rm(dataDir, { recursive: true, force: true });
  await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  await as.own(passwordFile);
  const args = ['-D', dataDir, '-U', 'openledger', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  try {
    const command = as.command(initdb, [...args, '--encoding=UTF8', '--locale=C', '--no-sync']);
    await run(command.file, command.args, as.identity);
  } catch (cause) {
    await rm(dataDir, { recursive: true, force: true });
    throw new DomainError(
      'unavailable',
      'POSTGRES_INIT_FAILED',
      `PostgreSQL could not create ${dataDir}. Started by root, where user namespaces are forbidden, it runs as "nobody", who must be able to enter that folder and the project's. Start as another user, or choose another folder with --data.`,
      { cause },
    );
  }
}

/** After kill -9 of the host its Postgres may live on, holding the data folder; it is asked to stop. */
async function stopOrphan(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const [pid, dir] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  if (!pid || dir !== dataDir || !isAlive(Number(pid))) return;
  process.kill(Number(pid), 'SIGINT');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(Number(pid)) && Date.now() < deadline) await pause(50);
}

function settings(port: number, durable: boolean): string[] {
  const values: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '32MB',
    // One small machine, no replicas: no processes for them, and none for asynchronous reads.
    io_method: 'sync',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_logical_replication_workers: '0',
    max_wal_size: '512MB',
    log_min_messages: 'warning',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function untilReady(child: ChildProcess, url: string, log: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (cause) {
      await client.end().catch(() => {});
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new DomainError('unavailable', 'POSTGRES_START_FAILED', `PostgreSQL did not start:\n${log()}`, {
          cause,
        });
      }
      await pause(25);
    }
  }
}

async function createDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/** Keeps the last lines of the server's log, for the message when it does not start. */
function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-4_000);
  });
  return () => text;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const exists = (file: string) =>
  readFile(file).then(
    () => true,
    () => false,
  );
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
