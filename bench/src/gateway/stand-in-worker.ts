import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GetStatusResponse, type RunRequest, RunResponse, WorkerServiceService } from '@openledger/contracts';
import { createLogger, serverStream, unary } from '@openledger/service-host';

/** A worker's contract over real gRPC whose answers cost nothing to make. */
export class StandInWorker {
  private readonly server = new Server();

  constructor(
    private readonly baseDigest: string,
    private readonly answer: (request: RunRequest) => AsyncIterable<RunResponse>,
  ) {}

  /** Resolves with the port. */
  listen(serviceToken: string): Promise<number> {
    const context = { log: createLogger('stand-in', 'silent'), serviceToken };
    const status = { baseDigest: this.baseDigest, contextTokens: 2_048, rowsMax: 64, engine: 'onnx' };
    this.server.addService(WorkerServiceService, {
      run: serverStream(context, this.answer),
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

/** One token at once, by whatever adapter was asked for. */
export async function* oneToken({ adapters }: RunRequest): AsyncGenerator<RunResponse> {
  const adapterDigests = adapters.map(({ adapter }) => adapter?.digest ?? '');
  yield RunResponse.fromPartial({ tokens: [97], text: 'a', finishReason: 'stop', adapterDigests });
}
