import { newId } from '@openledger/kernel';
import pg from 'pg';
import { ACCOUNTS, feesAndShares, seeded } from './workload.js';

const CLIENTS = 16;
const FUNDING = '1000000000000000000000000000';
const AMOUNT = '1234567890123';

const SCHEMA = `
  CREATE SCHEMA baseline;
  CREATE TABLE baseline.volume (account text PRIMARY KEY, input numeric NOT NULL, output numeric NOT NULL);
  CREATE TABLE baseline.transaction (id uuid PRIMARY KEY, reference text NOT NULL, at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE baseline.move (id bigserial PRIMARY KEY, transaction_id uuid NOT NULL REFERENCES baseline.transaction,
    account text NOT NULL, is_source boolean NOT NULL, amount numeric NOT NULL);
  CREATE TABLE baseline.log (id bigint PRIMARY KEY, data text NOT NULL, hash bytea NOT NULL);
  INSERT INTO baseline.log VALUES (0, '', '\\x');
  INSERT INTO baseline.volume
    SELECT 'account:' || n, ${FUNDING}, 0 FROM generate_series(0, ${ACCOUNTS - 1}) AS n;
  INSERT INTO baseline.volume VALUES ('account:clearing', ${FUNDING}, 0);
  ANALYZE baseline.volume`;

const statement = (name: string, text: string) => (values: unknown[]) => ({ name, text, values });
const openVolumes = statement(
  'open',
  `INSERT INTO baseline.volume SELECT unnest($1::text[]), 0, 0 ON CONFLICT DO NOTHING`,
);
const lockVolumes = statement(
  'lock',
  'SELECT account, input, output FROM baseline.volume WHERE account = ANY($1::text[]) ORDER BY account FOR UPDATE',
);
const insertTransaction = statement(
  'transaction',
  'INSERT INTO baseline.transaction (id, reference) VALUES ($1, $2)',
);
const insertMoves = statement(
  'moves',
  `INSERT INTO baseline.move (transaction_id, account, is_source, amount)
   VALUES ($1, $2, true, $4), ($1, $3, false, $4)`,
);
const upsertVolumes = statement(
  'volumes',
  `INSERT INTO baseline.volume VALUES ($1, 0, $3), ($2, $3, 0)
   ON CONFLICT (account) DO UPDATE SET input = volume.input + excluded.input, output = volume.output + excluded.output`,
);
const appendLog = statement(
  'log',
  `INSERT INTO baseline.log
   SELECT id + 1, $1, sha256(hash || convert_to($1, 'UTF8')) FROM baseline.log ORDER BY id DESC LIMIT 1`,
);
const lockLog = statement('lock_log', "SELECT pg_advisory_xact_lock(hashtext('baseline.log'))");

/**
 * The ledger that is written first everywhere, after Formance Ledger (internal/storage/ledger): a transaction for each
 * transfer, which locks both volumes, writes moves, brings the volumes up to date and appends to a hash chain under an
 * advisory lock.
 */
export class BaselineLedger {
  private readonly next = feesAndShares(seeded(7));

  private constructor(private readonly clients: readonly pg.Client[]) {}

  static async open(url: string): Promise<BaselineLedger> {
    const clients = Array.from({ length: CLIENTS }, () => new pg.Client({ connectionString: url }));
    await Promise.all(clients.map((client) => client.connect()));
    await clients[0]?.query(SCHEMA);
    return new BaselineLedger(clients);
  }

  /** Transfers per second. */
  async round(seconds: number): Promise<number> {
    const startedAt = performance.now();
    const until = startedAt + seconds * 1_000;
    let done = 0;
    await Promise.all(
      this.clients.map(async (client) => {
        while (performance.now() < until) {
          await this.transfer(client);
          done += 1;
        }
      }),
    );
    return (done * 1_000) / (performance.now() - startedAt);
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
  }

  private async transfer(client: pg.Client): Promise<void> {
    const [from, to] = this.next().map((end) => `account:${end}`);
    const id = newId();
    await client.query('BEGIN');
    await client.query(openVolumes([[from, to]]));
    const { rows } = await client.query<{ account: string; input: string; output: string }>(
      lockVolumes([[from, to]]),
    );
    const source = rows.find((row) => row.account === from);
    if (!source || BigInt(source.input) - BigInt(source.output) < BigInt(AMOUNT)) {
      throw new Error('the baseline ran out of money');
    }
    await client.query(insertTransaction([id, 'bench']));
    await client.query(insertMoves([id, from, to, AMOUNT]));
    await client.query(upsertVolumes([from, to, AMOUNT]));
    await client.query(lockLog([]));
    await client.query(appendLog([`${id}|${from}|${to}|${AMOUNT}`]));
    await client.query('COMMIT');
  }
}
