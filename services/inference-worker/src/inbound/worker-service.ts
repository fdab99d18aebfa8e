import { GetStatusResponse, type RunRequest, RunResponse, WorkerServiceService } from '@openledger/contracts';
import { DomainError, isSha256 } from '@openledger/kernel';
import { type GrpcContext, type GrpcService, serverStream, unary } from '@openledger/service-host';
import { checkPrompt, type GenerationRequest } from '../application/generation.js';
import type { ReceiptWriter } from '../application/receipt-writer.js';
import type { TextEngine } from '../application/text-engine.js';
import { toSampling, toWireLogprobs } from './sampling.js';

/** What gateways ask of a worker. */
export function workerService(
  context: GrpcContext,
  engine: TextEngine,
  receipts: ReceiptWriter,
): GrpcService {
  return {
    definition: WorkerServiceService,
    implementation: {
      run: serverStream(context, (request: RunRequest, call) =>
        receipts.run(request, run(engine, request, call.signal)),
      ),
      getStatus: unary(context, async () => ({ ...(await status(engine)), ...receipts.signatory })),
    },
  };
}

async function* run(
  engine: TextEngine,
  request: RunRequest,
  signal: AbortSignal,
): AsyncGenerator<RunResponse> {
  const { config, contextTokens } = engine.base;
  checkPrompt(request.promptTokens, { vocabSize: config.vocabSize, contextTokens });
  for await (const piece of engine.generate(toGeneration(request, config.vocabSize), signal)) {
    const { adapterDigest, ...rest } = piece;
    yield RunResponse.fromPartial({
      ...rest,
      tokens: [...rest.tokens],
      logprobs: toWireLogprobs(rest.logprobs),
      adapterDigests: adapterDigest === '' ? [] : [adapterDigest],
    });
  }
}

async function status({ base, load }: TextEngine): Promise<GetStatusResponse> {
  return GetStatusResponse.fromPartial({
    baseDigest: base.digest,
    baseName: base.name,
    contextTokens: base.contextTokens,
    running: load.running,
    waiting: load.waiting,
    memoryAdapterDigests: [...load.residentDigests],
  });
}

function toGeneration(request: RunRequest, vocabSize: number): GenerationRequest {
  const { promptTokens, adapters, sampling } = request;
  const adapter = adapters[0]?.adapter;
  if (adapter && ![adapter.digest, adapter.configBlob, adapter.weightsBlob].every(isSha256)) {
    const message = 'An adapter is named by SHA-256 digests in hexadecimal.';
    throw new DomainError('invalid', 'ADAPTER_REFERENCE_INVALID', message);
  }
  return { promptTokens, ...(adapter ? { adapter } : {}), sampling: toSampling(sampling, vocabSize) };
}
