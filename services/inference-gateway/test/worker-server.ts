import { Server } from '@grpc/grpc-js';
import {
  type AdapterReference,
  GetStatusResponse,
  type PrefetchAdapterRequest,
  type RunEmbedRequest,
  RunEmbedResponse,
  type RunRequest,
  RunResponse,
  type StopRunRequest,
  type WorkerReceipt,
  WorkerServiceService,
} from '@openledger/contracts';
import { contentDigest, generateSigningKey, ReceiptSigner, type ReceiptStatement } from '@openledger/kernel';
import { createLogger, serverStream, unary } from '@openledger/service-host';
import { listen } from './settlement-server.js';

export type Script = (request: RunRequest, signal: AbortSignal) => AsyncIterable<RunResponse>;

/** A worker's contract over real gRPC that does what a test tells it, to reach failures that an engine rarely shows. */
export class WorkerServer {
  readonly requests: RunRequest[] = [];
  readonly embeds: RunEmbedRequest[] = [];
  readonly prefetched: string[] = [];
  readonly stopped: string[] = [];
  cancelled = 0;
  script: Script = spell('Hello there');
  /** Awaited before each status; one that never resolves makes the last status grow old. */
  beforeStatus: () => Promise<void> = async () => undefined;
  status: Partial<GetStatusResponse> = {};
  /** Whose name is in the status. */
  signer = new ReceiptSigner(generateSigningKey());
  /** How receipts come to be: signed as they ought to, unless a test forges them. */
  seal: (statement: ReceiptStatement) => WorkerReceipt | undefined = (statement) =>
    sealed(this.signer, statement);
  private baseDigest = '';
  private readonly running = new Map<string, AbortController>();
  private readonly server = new Server();

  async listen(serviceToken: string, baseDigest: string): Promise<string> {
    this.baseDigest = baseDigest;
    const context = { log: createLogger('worker', 'silent'), serviceToken };
    this.server.addService(WorkerServiceService, {
      run: serverStream(context, (request: RunRequest, call) => this.run(request, call.signal)),
      stopRun: unary(context, async ({ requestId }: StopRunRequest) => {
        this.stopped.push(requestId);
        this.running.get(requestId)?.abort();
        return {};
      }),
      runEmbed: unary(context, async (request: RunEmbedRequest) => this.embed(request)),
      prefetchAdapter: unary(context, async ({ adapter }: PrefetchAdapterRequest) => {
        this.prefetched.push((adapter as AdapterReference).digest);
        return {};
      }),
      getStatus: unary(context, async () => {
        await this.beforeStatus();
        return GetStatusResponse.fromPartial({
          baseDigest,
          contextTokens: 512,
          publicKey: Buffer.from(this.signer.publicKey),
          rowsMax: 8,
          ...this.status,
        });
      }),
    });
    return listen(this.server);
  }

  close(): void {
    this.server.forceShutdown();
  }

  /** What the script says, ended and signed as a worker would. */
  private async *run(request: RunRequest, gone: AbortSignal): AsyncGenerator<RunResponse> {
    this.requests.push(request);
    const stopped = new AbortController();
    this.running.set(request.requestId, stopped);
    const signal = AbortSignal.any([gone, stopped.signal]);
    signal.addEventListener('abort', () => {
      this.cancelled += 1;
    });
    const tokens: number[] = [];
    let finishReason = '';
    for await (const response of this.script(request, signal)) {
      tokens.push(...response.tokens);
      finishReason = response.finishReason;
      yield finishReason === ''
        ? response
        : { ...response, receipt: this.receipt(request, tokens, finishReason) };
    }
    if (finishReason !== '' || !stopped.signal.aborted) return;
    const last = { ...piece(request, '', 'cancelled'), tokens: [] };
    yield { ...last, receipt: this.receipt(request, tokens, 'cancelled') };
  }

  private embed(request: RunEmbedRequest): RunEmbedResponse {
    this.embeds.push(request);
    const inputs = request.inputs.map(({ tokens }) => tokens);
    // Of length 1, and different for different inputs.
    const embeddings = inputs.map(([token = 0]) => [Math.cos(token), Math.sin(token)].map(Math.fround));
    const statement: ReceiptStatement = {
      ...this.statement(request),
      kind: 'embed',
      inputSha256: contentDigest(inputs),
      outputSha256: contentDigest(embeddings),
      promptTokens: inputs.flat().length,
    };
    return RunEmbedResponse.fromPartial({
      embeddings: embeddings.map((values) => ({ values })),
      adapterDigests: digestsOf(request),
      receipt: this.seal(statement),
    });
  }

  private receipt(request: RunRequest, tokens: readonly number[], finishReason: string) {
    return this.seal({
      ...this.statement(request),
      inputSha256: contentDigest(request.promptTokens),
      outputSha256: contentDigest(tokens),
      promptTokens: request.promptTokens.length,
      completionTokens: tokens.length,
      finishReason,
    });
  }

  private statement(request: RunRequest | RunEmbedRequest): ReceiptStatement {
    const now = new Date().toISOString();
    return {
      version: 1,
      kind: 'run',
      requestId: request.requestId,
      baseDigest: this.baseDigest,
      adapters: request.adapters.map(({ adapter, weight }) => ({ digest: adapter?.digest ?? '', weight })),
      inputSha256: '',
      outputSha256: '',
      promptTokens: 0,
      completionTokens: 0,
      cachedTokens: 0,
      finishReason: '',
      engine: 'onnx',
      startedAt: now,
      firstTokenAt: now,
      endedAt: now,
    };
  }
}

export function sealed(signer: ReceiptSigner, statement: ReceiptStatement): WorkerReceipt {
  const { publicKey, signature, ...rest } = signer.sign(statement);
  return { ...rest, publicKey: Buffer.from(publicKey), signature: Buffer.from(signature) };
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

/** Says something and then falls silent until it is stopped or the caller leaves. */
export function sayAndHang(text: string): Script {
  return async function* (request, signal) {
    for (const character of text) yield piece(request, character, '');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  };
}

export const piece = (request: RunRequest, text: string, finishReason: string): RunResponse =>
  RunResponse.fromPartial({
    tokens: text === '' ? [] : [text.charCodeAt(0)],
    text,
    finishReason,
    adapterDigests: digestsOf(request),
  });

const digestsOf = ({ adapters }: RunRequest | RunEmbedRequest): string[] =>
  adapters.map(({ adapter }) => adapter?.digest ?? '');
