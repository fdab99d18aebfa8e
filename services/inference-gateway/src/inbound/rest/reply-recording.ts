import type { ServerResponse } from 'node:http';
import type { KeptReply } from '../../application/idempotency.js';

/** A longer answer is given, but not given again. */
const BYTES_MAX = 8 * 1_024 * 1_024;
const HEADERS = ['content-type', 'x-openledger-request-id', 'x-request-id'];
/** Without it, a stream was broken off. */
const STREAM_END = 'data: [DONE]\n\n';

/**
 * Takes down what is written to a response, also when nobody is there to read it any more. The response ends
 * with {@link stop}: whoever has read to the end can ask for the kept answer at once.
 */
export class ReplyRecording {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private ended = false;
  private finish: () => void = () => undefined;
  private readonly restore: () => void;

  constructor(private readonly response: ServerResponse) {
    const { write, end } = response;
    this.restore = () => Object.assign(response, { write, end });
    response.write = (...args: unknown[]) => {
      this.take(args[0]);
      return response.destroyed || Reflect.apply(write, response, args);
    };
    response.end = (...args: unknown[]) => {
      this.take(args[0]);
      this.ended = true;
      this.finish = () => Reflect.apply(end, response, args);
      return response;
    };
  }

  /** From here on the response is written to as any other, and what had ended ends. */
  stop(): void {
    this.restore();
    this.finish();
  }

  /** The whole answer; undefined where it failed, was broken off or is too long to keep. */
  get kept(): KeptReply | undefined {
    const whole = this.ended && this.response.statusCode === 200 && this.bytes <= BYTES_MAX;
    if (!whole) return undefined;
    const headers: Record<string, string> = {};
    for (const name of HEADERS) {
      const value = this.response.getHeader(name);
      if (value !== undefined) headers[name] = String(value);
    }
    const body = Buffer.concat(this.chunks);
    const streamed = headers['content-type']?.startsWith('text/event-stream') ?? false;
    return streamed && !body.subarray(-STREAM_END.length).equals(Buffer.from(STREAM_END))
      ? undefined
      : { headers, body };
  }

  private take(chunk: unknown): void {
    if (typeof chunk !== 'string' && !Buffer.isBuffer(chunk)) return;
    const bytes = Buffer.from(chunk);
    this.bytes += bytes.length;
    if (this.bytes <= BYTES_MAX) this.chunks.push(bytes);
    else this.chunks.length = 0;
  }
}
