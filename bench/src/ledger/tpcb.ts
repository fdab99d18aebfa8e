import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { seeded } from './workload.js';

const SCALE = 50;
const CLIENTS = 16;
const run = promisify(execFile);

/** TPC-B as pgbench runs it, on the server under test. */
export interface Tpcb {
  /** What drove it. */
  readonly driver: string;
  /** Transactions per second. */
  round(seconds: number): Promise<number>;
  close(): Promise<void>;
}

/** By pgbench where it is installed, and otherwise by clients of our own that send the same statements, prepared. */
export async function openTpcb(url: string): Promise<Tpcb> {
  const version = await run('pgbench', ['--version']).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  return version === undefined ? PgTpcb.open(url) : await pgbench(url, version);
}

async function pgbench(url: string, version: string): Promise<Tpcb> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const where = ['-h', hostname, '-p', port, '-U', username];
  const options = { env: { ...process.env, PGPASSWORD: password } };
  const database = pathname.slice(1);
  await run('pgbench', [...where, '-i', '-q', '-s', `${SCALE}`, database], options);
  return {
    driver: version,
    round: async (seconds) => {
      const load = ['-n', '-c', `${CLIENTS}`, '-j', '2', '-M', 'prepared', '-T', `${seconds}`];
      const { stdout } = await run('pgbench', [...where, ...load, database], options);
      const found = /tps = ([\d.]+) \(without initial connection time\)/.exec(stdout)?.[1];
      if (found === undefined) throw new Error(`pgbench answered ${stdout}`);
      return Number(found);
    },
    close: () => Promise.resolve(),
  };
}

const SCHEMA = `
  CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int NOT NULL, filler char(88)) WITH (fillfactor = 100);
  CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int NOT NULL, tbalance int NOT NULL, filler char(84));
  CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int NOT NULL, abalance int NOT NULL, filler char(84));
  CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
  INSERT INTO pgbench_branches SELECT n, 0, '' FROM generate_series(1, ${SCALE}) n;
  INSERT INTO pgbench_tellers SELECT n, (n - 1) / 10 + 1, 0, '' FROM generate_series(1, ${SCALE * 10}) n;
  INSERT INTO pgbench_accounts SELECT n, (n - 1) / 100000 + 1, 0, '' FROM generate_series(1, ${SCALE * 100_000}) n`;

const STATEMENTS = {
  account: 'UPDATE pgbench_accounts SET abalance = abalance + $2 WHERE aid = $1',
  read: 'SELECT abalance FROM pgbench_accounts WHERE aid = $1',
  teller: 'UPDATE pgbench_tellers SET tbalance = tbalance + $2 WHERE tid = $1',
  branch: 'UPDATE pgbench_branches SET bbalance = bbalance + $2 WHERE bid = $1',
  history:
    'INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)',
};

class PgTpcb implements Tpcb {
  readonly driver = 'TPC-B by clients of our own (pgbench is not installed)';
  private readonly random = seeded(11);

  private constructor(private readonly clients: readonly pg.Client[]) {}

  static async open(url: string): Promise<PgTpcb> {
    const clients = Array.from({ length: CLIENTS }, () => new pg.Client({ connectionString: url }));
    await Promise.all(clients.map((client) => client.connect()));
    await clients[0]?.query(SCHEMA);
    for (const table of ['branches', 'tellers', 'accounts']) {
      await clients[0]?.query(`VACUUM ANALYZE pgbench_${table}`);
    }
    return new PgTpcb(clients);
  }

  async round(seconds: number): Promise<number> {
    const startedAt = performance.now();
    const until = startedAt + seconds * 1_000;
    let done = 0;
    await Promise.all(
      this.clients.map(async (client) => {
        while (performance.now() < until) {
          await this.transaction(client);
          done += 1;
        }
      }),
    );
    return (done * 1_000) / (performance.now() - startedAt);
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
  }

  private async transaction(client: pg.Client): Promise<void> {
    const upTo = (n: number) => 1 + Math.floor(this.random() * n);
    const [aid, tid, bid] = [upTo(SCALE * 100_000), upTo(SCALE * 10), upTo(SCALE)];
    const delta = upTo(10_001) - 5_001;
    const send = (name: keyof typeof STATEMENTS, values: number[]) =>
      client.query({ name, text: STATEMENTS[name], values });
    await client.query('BEGIN');
    await send('account', [aid, delta]);
    await send('read', [aid]);
    await send('teller', [tid, delta]);
    await send('branch', [bid, delta]);
    await send('history', [tid, bid, aid, delta]);
    await client.query('END');
  }
}
