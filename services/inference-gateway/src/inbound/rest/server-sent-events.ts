import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Aborted when the caller's connection closes before the answer is complete. */
export function callerGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // While the caller was being recognised: then nobody tells it any more.
  if (response.destroyed && !response.writableFinished) controller.abort();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** Server-sent events whose writer waits for a slow reader instead of filling memory, but not for ever. */
export class ServerSentEvents {
  constructor(
    private readonly response: ServerResponse,
    private readonly gone: AbortSignal,
    private readonly readerTimeoutMs: number,
  ) {}

  open(): void {
    this.response.statusCode = 200;
    this.response.setHeader('content-type', 'text/event-stream; charset=utf-8');
    this.response.setHeader('cache-control', 'no-cache, no-transform');
    // Proxies of the nginx family would otherwise collect the stream.
    this.response.setHeader('x-accel-buffering', 'no');
    this.response.flushHeaders();
  }

  send(data: object): Promise<void> {
    return this.write(JSON.stringify(data));
  }

  async close(): Promise<void> {
    await this.write('[DONE]');
    this.response.end();
  }

  /** After the headers an error can only be an event; no `[DONE]` follows, so nobody takes it for success. */
  async fail(error: object): Promise<void> {
    await this.send(error);
    this.response.end();
  }

  private async write(data: string): Promise<void> {
    if (this.gone.aborted) return;
    if (this.response.write(`data: ${data}\n\n`)) return;
    // Rejects because the caller left, or is taken to have: the answer's loop notices.
    const signal = AbortSignal.any([this.gone, AbortSignal.timeout(this.readerTimeoutMs)]);
    await once(this.response, 'drain', { signal }).catch(() => this.response.destroy());
  }
}
