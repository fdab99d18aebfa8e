import { setTimeout as delay } from 'node:timers/promises';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GetStatusResponse, type RunRequest, RunResponse, WorkerServiceService } from '@openledger/contracts';
import { createLogger, serverStream, unary } from '@openledger/service-host';

/** A worker's contract whose every token is one number at a known time. */
export class ClockworkWorker {
  /** When each number was handed over, in milliseconds. */
  readonly sentAt = new Map<number, number>();
  private readonly server = new Server();
  private next = 0;

  constructor(
    private readonly baseDigest: string,
    private readonly everyMs: number,
  ) {}

  async listen(serviceToken: string): Promise<number> {
    const context = { log: createLogger('clockwork', 'silent'), serviceToken };
    this.server.addService(WorkerServiceService, {
      run: serverStream(context, (request: RunRequest) => this.run(request)),
      stopRun: unary(context, async () => ({})),
      runEmbed: unary(context, async () => ({})),
      prefetchAdapter: unary(context, async () => ({})),
      pinAdapter: unary(context, async () => ({})),
      unloadAdapter: unary(context, async () => ({})),
      getStatus: unary(context, async () =>
        GetStatusResponse.fromPartial({
          baseDigest: this.baseDigest,
          contextTokens: 2_048,
          rowsMax: 64,
          engine: 'onnx',
        }),
      ),
    });
    return new Promise((resolve, reject) => {
      this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  stop(): void {
    this.server.forceShutdown();
  }

  private async *run({ sampling }: RunRequest): AsyncGenerator<RunResponse> {
    const tokens = sampling?.maxTokens ?? 1;
    const begun = performance.now();
    for (let token = 1; token <= tokens; token += 1) {
      await delay(Math.max(0, begun + token * this.everyMs - performance.now()));
      const number = this.next;
      this.next += 1;
      this.sentAt.set(number, performance.now());
      const finishReason = token === tokens ? 'length' : '';
      yield RunResponse.fromPartial({ tokens: [1], text: `${number} `, finishReason });
    }
  }
}
