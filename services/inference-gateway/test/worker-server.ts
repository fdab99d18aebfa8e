import { Server } from '@grpc/grpc-js';
import { GetStatusResponse, type RunRequest, RunResponse, WorkerServiceService } from '@openledger/contracts';
import { createLogger, serverStream, unary } from '@openledger/service-host';
import { listen } from './settlement-server.js';

export type Script = (request: RunRequest, signal: AbortSignal) => AsyncIterable<RunResponse>;

/** A worker's contract over real gRPC that does what a test tells it, to reach failures that an engine rarely shows. */
export class WorkerServer {
  readonly requests: RunRequest[] = [];
  cancelled = 0;
  script: Script = spell('Hello there');
  private readonly server = new Server();

  async listen(serviceToken: string): Promise<string> {
    const context = { log: createLogger('worker', 'silent'), serviceToken };
    const scripted = (request: RunRequest, signal: AbortSignal) => {
      this.requests.push(request);
      signal.addEventListener('abort', () => {
        this.cancelled += 1;
      });
      return this.script(request, signal);
    };
    this.server.addService(WorkerServiceService, {
      run: serverStream(context, (request: RunRequest, call) => scripted(request, call.signal)),
      getStatus: unary(context, async () => GetStatusResponse.fromPartial({ contextTokens: 512 })),
    });
    return listen(this.server);
  }

  close(): void {
    this.server.forceShutdown();
  }
}

/** One token a character, ended by itself. */
export function spell(text: string): Script {
  return async function* (request) {
    const characters = [...text];
    for (const [index, character] of characters.entries()) {
      const finishReason = index === characters.length - 1 ? 'stop' : '';
      yield piece(request, character, finishReason);
    }
  };
}

/** Says something and then falls silent until the caller leaves. */
export function sayAndHang(text: string): Script {
  return async function* (request, signal) {
    for (const character of text) yield piece(request, character, '');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
}

export const piece = (request: RunRequest, text: string, finishReason: string): RunResponse =>
  RunResponse.fromPartial({
    tokens: [text.charCodeAt(0)],
    text,
    finishReason,
    adapterDigests: request.adapters.map(({ adapter }) => adapter?.digest ?? ''),
  });
