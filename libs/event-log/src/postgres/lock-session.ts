import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { CONNECT_TIMEOUT_MS } from './pool.js';
import { lockStatements } from './statements.js';

export interface LockSessionOptions {
  readonly url: string;
  readonly channel: string;
  readonly onError: (error: unknown) => void;
}

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 5_000;

/**
 * The one connection of a log that listens for wake-ups and holds advisory locks. A pool would not do:
 * both belong to a connection, and must end exactly when this process does.
 */
export class LockSession {
  private client: pg.Client | undefined;
  private closed = false;
  private last: Promise<unknown> = Promise.resolve();
  private readonly held = new Set<bigint>();
  /** Changes with every connection: locks taken under another number are gone. */
  epoch = 0;
  onNotification: (payload: string) => void = () => {};
  /** All locks are gone; others may already hold them. */
  onLost: () => void = () => {};

  private constructor(private readonly options: LockSessionOptions) {}

  static async open(options: LockSessionOptions): Promise<LockSession> {
    const session = new LockSession(options);
    await session.connect();
    return session;
  }

  /** False when anybody holds it, this process included, or while there is no connection. */
  async tryLock(key: bigint): Promise<boolean> {
    const { client } = this;
    if (client === undefined || this.held.has(key)) return false;
    this.held.add(key);
    const locked = await this.ask<{ locked: boolean }>(client, lockStatements.tryLock, [key])
      .then((rows) => rows[0]?.locked === true && client === this.client)
      .catch(() => false);
    if (!locked) this.held.delete(key);
    return locked;
  }

  /** Does nothing for a lock of an earlier epoch: it is gone, and somebody here may hold it anew. */
  async unlock(key: bigint, epoch: number): Promise<void> {
    const { client } = this;
    if (epoch !== this.epoch || client === undefined || !this.held.delete(key)) return;
    await this.ask(client, lockStatements.unlock, [key]).catch(this.options.onError);
  }

  /** How many members hold a lock in each of the given upper halves. */
  async members(halves: readonly bigint[]): Promise<Map<bigint, number>> {
    if (this.client === undefined) return new Map();
    const rows = await this.ask<{ half: string; members: number }>(this.client, lockStatements.members, [
      halves,
    ]);
    return new Map(rows.map((row) => [BigInt(row.half), row.members]));
  }

  async close(): Promise<void> {
    this.closed = true;
    const { client } = this;
    this.client = undefined;
    await client?.end();
  }

  /** One statement at a time: pg wants its caller to queue. */
  private ask<R extends pg.QueryResultRow>(client: pg.Client, sql: string, values: unknown[]): Promise<R[]> {
    const answer = this.last.then(() => client.query<R>(sql, values)).then(({ rows }) => rows);
    this.last = answer.catch(() => {});
    return answer;
  }

  private async connect(): Promise<void> {
    const { url, channel } = this.options;
    const client = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    client.on('error', this.options.onError);
    client.on('notification', ({ payload }) => this.onNotification(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    this.epoch++;
    this.client = client;
    client.once('end', () => this.lost(client));
  }

  private lost(client: pg.Client): void {
    if (this.client !== client || this.closed) return;
    this.client = undefined;
    this.held.clear();
    this.onLost();
    void this.reconnect();
  }

  private async reconnect(): Promise<void> {
    let waitMs = RECONNECT_MIN_MS;
    while (!this.closed) {
      try {
        await this.connect();
        break;
      } catch (error) {
        this.options.onError(error);
        await pause(waitMs, undefined, { ref: false });
        waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS);
      }
    }
    if (this.closed) await this.close();
  }
}

/** The 64-bit advisory lock of a name. */
export function lockKey(...name: readonly (string | number)[]): bigint {
  return createHash('sha256').update(JSON.stringify(name)).digest().readBigInt64BE();
}

/** The unsigned upper half that the locks of a group's members on one topic share. */
export function memberHalf(...name: readonly string[]): bigint {
  return BigInt.asUintN(64, lockKey('member', ...name)) >> 32n;
}

export function memberKey(half: bigint, member: number): bigint {
  return BigInt.asIntN(64, (half << 32n) | BigInt(member));
}
