import type { ServiceError } from '@grpc/grpc-js';
import type { GetStatusResponse, RunEmbedResponse, RunResponse } from '@openledger/contracts';
import { type Host, serviceMetadata } from '@openledger/service-host';
import type { EmbedAnswer, EmbedRequest, RunPiece, RunRequest, WorkerReceipt } from '../application/ports.js';
import type { AdapterReference } from '../domain/model.js';
import { receiptFault, type Witnessed } from '../domain/receipt-check.js';
import type { PoolWorker } from './pool-worker.js';
import { toPiece, toWireEmbed, toWireRun, weightedDigests } from './worker-messages.js';
import type { WorkerMetrics } from './worker-metrics.js';

export interface CallOptions {
  readonly serviceToken: string;
  readonly log: Host['log'];
  readonly metrics: WorkerMetrics;
}

const STATUS_TIMEOUT_MS = 1_500;
/** A worker ends a run within one step; what has not come by then is not waited for. */
const STOP_TIMEOUT_MS = 2_000;
const HINT_TIMEOUT_MS = 2_000;

type Done<R> = (error: ServiceError | null, response: R) => void;

/** What the gateway asks of one worker. */
export class WorkerCalls {
  constructor(private readonly options: CallOptions) {}

  /** @throws ServiceError */
  status({ client }: PoolWorker): Promise<GetStatusResponse> {
    const options = { deadline: Date.now() + STATUS_TIMEOUT_MS };
    return answer((done: Done<GetStatusResponse>) => client.getStatus({}, this.metadata, options, done));
  }

  /** @throws ServiceError */
  async *run(
    worker: PoolWorker,
    request: RunRequest,
    { deadline, signal }: { readonly deadline: number; readonly signal: AbortSignal },
  ): AsyncGenerator<RunPiece> {
    const call = worker.client.run(toWireRun(request), this.metadata, { deadline });
    const job = worker.book.begin({
      begunAt: Date.now(),
      tokens: request.promptTokens.length + request.sampling.maxTokens,
    });
    const seen = { output: [] as number[], cachedTokens: 0 };
    let timer: NodeJS.Timeout | undefined;
    const leave = () => {
      if (seen.output.length === 0 || job.ended) call.cancel();
      else {
        timer = setTimeout(() => call.cancel(), STOP_TIMEOUT_MS);
        void this.stop(worker, request.requestId).catch(() => call.cancel());
      }
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      for await (const message of call) {
        const response = message as RunResponse;
        seen.output.push(...response.tokens);
        seen.cachedTokens = Math.max(seen.cachedTokens, response.cachedTokens);
        if (response.finishReason === '') yield toPiece(response);
        else {
          worker.book.end(job);
          const { finishReason } = response;
          const receipt = await this.checked(response, worker, runWitness(request, seen, finishReason));
          yield { ...toPiece(response), ...(receipt ? { receipt } : {}) };
        }
      }
    } finally {
      clearTimeout(timer);
      worker.book.end(job);
      signal.removeEventListener('abort', leave);
      // A destroyed stream may still report its cancellation: nobody is left to hear it.
      call.on('error', () => undefined);
      call.cancel();
    }
  }

  /** @throws ServiceError */
  async embed(
    worker: PoolWorker,
    request: EmbedRequest,
    { deadline, signal }: { readonly deadline: number; readonly signal: AbortSignal },
  ): Promise<EmbedAnswer> {
    const promptTokens = request.inputs.reduce((sum, tokens) => sum + tokens.length, 0);
    const job = worker.book.begin({
      begunAt: Date.now(),
      tokens: promptTokens,
    });
    try {
      const response = await answer((done: Done<RunEmbedResponse>) => {
        const call = worker.client.runEmbed(toWireEmbed(request), this.metadata, { deadline }, done);
        signal.addEventListener('abort', () => call.cancel(), { once: true });
        if (signal.aborted) call.cancel();
      });
      const embeddings = response.embeddings.map(({ values }) => values);
      const receipt = await this.checked(response, worker, {
        kind: 'embed',
        requestId: request.requestId,
        adapters: weightedDigests(request),
        input: request.inputs,
        output: embeddings,
        promptTokens,
        completionTokens: 0,
        cachedTokens: 0,
        finishReason: '',
      });
      return { embeddings, adapterDigests: response.adapterDigests, ...(receipt ? { receipt } : {}) };
    } finally {
      worker.book.end(job);
    }
  }

  /** @throws ServiceError */
  async stop({ client }: PoolWorker, requestId: string): Promise<void> {
    const options = { deadline: Date.now() + STOP_TIMEOUT_MS };
    await answer((done: Done<object>) => client.stopRun({ requestId }, this.metadata, options, done));
  }

  /** An adapter is about to be used there. Never throws: without it, the first request waits a little longer. */
  async prefetch({ client, address }: PoolWorker, adapter: AdapterReference): Promise<void> {
    const options = { deadline: Date.now() + HINT_TIMEOUT_MS };
    try {
      await answer((done: Done<object>) => client.prefetchAdapter({ adapter }, this.metadata, options, done));
    } catch (error) {
      this.options.log.debug({ err: error, address, digest: adapter.digest }, 'prefetch hint not taken');
    }
  }

  /** The receipt where it fits what was seen; otherwise that is logged and counted, and there is none. */
  private async checked(
    { receipt }: { readonly receipt?: WorkerReceipt | undefined },
    worker: PoolWorker,
    seen: Witnessed,
  ): Promise<WorkerReceipt | undefined> {
    const { log, metrics } = this.options;
    const check = () => (receipt ? receiptFault(receipt, worker.signatory, seen) : 'absent');
    let fault = check();
    if (fault === 'key') {
      // It may have been started anew, with a new key, since its last status.
      const askedAt = Date.now();
      await this.status(worker).then(
        (status) => worker.hear(status, askedAt),
        () => undefined,
      );
      fault = check();
    }
    metrics.receipts.inc({ outcome: fault === '' ? 'fits' : fault });
    if (fault === '') return receipt;
    const { requestId } = seen;
    if (receipt) log.error({ requestId, address: worker.address, fault }, 'the receipt does not fit');
    return undefined;
  }

  private get metadata() {
    return serviceMetadata(this.options.serviceToken);
  }
}

const runWitness = (
  request: RunRequest,
  { output, cachedTokens }: { readonly output: readonly number[]; readonly cachedTokens: number },
  finishReason: string,
): Witnessed => ({
  kind: 'run',
  requestId: request.requestId,
  adapters: weightedDigests(request),
  input: request.promptTokens,
  output,
  promptTokens: request.promptTokens.length,
  completionTokens: output.length,
  cachedTokens,
  finishReason,
});

function answer<R>(invoke: (done: Done<R>) => void): Promise<R> {
  return new Promise((resolve, reject) => {
    invoke((error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
