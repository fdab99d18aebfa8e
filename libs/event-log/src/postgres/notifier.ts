import type pg from 'pg';

/**
 * Wakes the members in other processes. Sent after the append, not in its transaction: a transaction
 * that notifies commits under one lock for the whole server. What is lost is found by polling.
 */
export class Notifier {
  private readonly pending = new Set<string>();
  private sending: Promise<void> | undefined;

  constructor(
    private readonly pool: pg.Pool,
    private readonly channel: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Repeats that come while a message is under way travel as one. */
  send(payload: string): void {
    this.pending.add(payload);
    this.sending ??= this.flush().finally(() => {
      this.sending = undefined;
    });
  }

  async close(): Promise<void> {
    await this.sending;
  }

  private async flush(): Promise<void> {
    while (this.pending.size > 0) {
      const payloads = [...this.pending];
      this.pending.clear();
      await this.pool
        .query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [this.channel, payloads])
        .catch(this.onError);
    }
  }
}
