import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GetStatusResponse, type RunRequest, RunResponse, WorkerServiceService } from '@openledger/contracts';
import { createLogger, serverStream, unary } from '@openledger/service-host';

/** A worker's contract that answers one token at once by whatever adapter was asked for. */
export class PaidWorker {
  private readonly server = new Server();

  constructor(private readonly baseDigest: string) {}

  async listen(serviceToken: string): Promise<number> {
    const context = { log: createLogger('paid-worker', 'silent'), serviceToken };
    const status = { baseDigest: this.baseDigest, contextTokens: 512, rowsMax: 64, engine: 'onnx' };
    this.server.addService(WorkerServiceService, {
      run: serverStream(context, (request: RunRequest) => answer(request)),
      stopRun: unary(context, async () => ({})),
      prefetchAdapter: unary(context, async () => ({})),
      getStatus: unary(context, async () => GetStatusResponse.fromPartial(status)),
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
}

async function* answer({ adapters }: RunRequest): AsyncGenerator<RunResponse> {
  const adapterDigests = adapters.map(({ adapter }) => adapter?.digest ?? '');
  yield RunResponse.fromPartial({ tokens: [97], text: 'a', finishReason: 'stop', adapterDigests });
}
