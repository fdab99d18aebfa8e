import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GetStatusResponse, type RunRequest, RunResponse, WorkerServiceService } from '@openledger/contracts';
import { createLogger, serverStream, unary } from '@openledger/service-host';

/** A worker's contract over real gRPC: answers with as many tokens as `length` says, or hangs after the first. */
export class ScriptedWorker {
  length: (request: RunRequest) => number = () => 4;
  hangs: (request: RunRequest) => boolean = () => false;
  /** Prompt tokens that it says to have had. */
  cached: (request: RunRequest) => number = () => 0;
  private readonly server = new Server();

  async listen(serviceToken: string, baseDigest: string): Promise<string> {
    const context = { log: createLogger('worker', 'silent'), serviceToken };
    this.server.addService(WorkerServiceService, {
      run: serverStream(context, (request: RunRequest, call) => this.answer(request, call.signal)),
      stopRun: unary(context, async () => ({})),
      prefetchAdapter: unary(context, async () => ({})),
      getStatus: unary(context, async () =>
        GetStatusResponse.fromPartial({ baseDigest, contextTokens: 512, rowsMax: 64, engine: 'onnx' }),
      ),
    });
    return new Promise((resolve, reject) => {
      this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(`127.0.0.1:${port}`);
      });
    });
  }

  close(): void {
    this.server.forceShutdown();
  }

  private async *answer(request: RunRequest, signal: AbortSignal): AsyncGenerator<RunResponse> {
    const adapterDigests = request.adapters.map(({ adapter }) => adapter?.digest ?? '');
    const length = this.length(request);
    for (let at = 1; at <= length; at += 1) {
      const finishReason = at === length ? 'stop' : '';
      const cachedTokens = this.cached(request);
      yield RunResponse.fromPartial({ tokens: [97], text: 'a', finishReason, adapterDigests, cachedTokens });
      if (!this.hangs(request)) continue;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return;
    }
  }
}
