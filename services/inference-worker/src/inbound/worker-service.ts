import {
  Embedding,
  GetStatusResponse,
  type RunEmbedRequest,
  RunEmbedResponse,
  type RunRequest,
  RunResponse,
  type StopRunRequest,
  type WeightedAdapter,
  WorkerServiceService,
} from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import { type GrpcContext, type GrpcService, serverStream, unary } from '@openledger/service-host';
import {
  ADAPTER_WEIGHT_MAX,
  ADAPTERS_MAX,
  checkPrompt,
  EMBED_INPUTS_MAX,
  type GenerationRequest,
  type WeightedReference,
} from '../application/generation.js';
import type { ReceiptWriter } from '../application/receipt-writer.js';
import type { AdapterControl, TextEngine } from '../application/text-engine.js';
import { adapterCalls, toReference } from './adapter-calls.js';
import { toSampling, toWireLogprobs } from './sampling.js';

export interface WorkerServiceParts {
  readonly engine: TextEngine;
  readonly adapters: AdapterControl;
  readonly receipts: ReceiptWriter;
}

/** What gateways ask of a worker. */
export function workerService(context: GrpcContext, parts: WorkerServiceParts): GrpcService {
  const { engine, receipts } = parts;
  return {
    definition: WorkerServiceService,
    implementation: {
      run: serverStream(context, (request: RunRequest, call) =>
        receipts.run(request, run(engine, request, call.signal)),
      ),
      stopRun: unary(context, async ({ requestId }: StopRunRequest) => {
        if (requestId !== '') engine.stopRun(requestId);
        return {};
      }),
      runEmbed: unary(context, (request: RunEmbedRequest, call) =>
        receipts.embed(request, () => embed(engine, request, call.signal)),
      ),
      getStatus: unary(context, async () => ({ ...status(engine), ...receipts.signatory })),
      ...adapterCalls(context, parts.adapters),
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
    const { tokens, text, finishReason, logprobs, adapterDigests, cachedTokens } = piece;
    yield RunResponse.fromPartial({
      tokens: [...tokens],
      text,
      finishReason,
      logprobs: toWireLogprobs(logprobs),
      adapterDigests: [...adapterDigests],
      cachedTokens,
    });
  }
}

/** All inputs or none; what is left of them when one fails is let go. */
async function embed(
  engine: TextEngine,
  request: RunEmbedRequest,
  signal: AbortSignal,
): Promise<RunEmbedResponse> {
  const { requestId, tenant, inputs } = request;
  const { config, contextTokens } = engine.base;
  if (inputs.length === 0 || inputs.length > EMBED_INPUTS_MAX) {
    const message = `Between 1 and ${EMBED_INPUTS_MAX} inputs are embedded at once, not ${inputs.length}.`;
    throw new DomainError('invalid', 'EMBED_INPUTS_INVALID', message);
  }
  for (const { tokens } of inputs) checkPrompt(tokens, { vocabSize: config.vocabSize, contextTokens });
  const adapters = toAdapters(request.adapters);
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const asked = inputs.map(({ tokens }) =>
    engine.embed({ requestId, tenant, adapters, tokens }, either).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(asked);
  if (failed.signal.aborted) throw failed.signal.reason;
  const embeddings = await Promise.all(asked);
  return RunEmbedResponse.fromPartial({
    embeddings: embeddings.map((values) => Embedding.fromPartial({ values: [...values] })),
    adapterDigests: adapters.map(({ reference }) => reference.digest),
  });
}

function status({ base, load }: TextEngine): GetStatusResponse {
  return GetStatusResponse.fromPartial({
    baseDigest: base.digest,
    baseName: base.name,
    contextTokens: base.contextTokens,
    running: load.running,
    waiting: load.waiting,
    poolAdapterDigests: [...load.adapters.poolDigests],
    memoryAdapterDigests: [...load.adapters.memoryDigests],
    loadingAdapterDigests: [...load.adapters.loadingDigests],
    queuedTokens: load.queuedTokens,
    prefillTokensPerSecond: load.prefillTokensPerSecond,
    decodeTokensPerSecond: load.decodeTokensPerSecond,
    rowsMax: base.rowsMax,
    kvUsage: load.kvUsage,
  });
}

function toGeneration(request: RunRequest, vocabSize: number): GenerationRequest {
  const { requestId, tenant, promptTokens, sampling } = request;
  const adapters = toAdapters(request.adapters);
  return { requestId, tenant, promptTokens, adapters, sampling: toSampling(sampling, vocabSize) };
}

/** @throws DomainError ADAPTERS_INVALID, ADAPTER_REFERENCE_INVALID */
function toAdapters(wire: readonly WeightedAdapter[]): readonly WeightedReference[] {
  const refuse = (message: string) => new DomainError('invalid', 'ADAPTERS_INVALID', message);
  if (wire.length > ADAPTERS_MAX) {
    throw refuse(`At most ${ADAPTERS_MAX} adapters are added up, not ${wire.length}.`);
  }
  const adapters = wire.map(({ adapter, weight }) => {
    if (!(weight >= 0 && weight <= ADAPTER_WEIGHT_MAX)) {
      throw refuse(`The weight of an adapter is between 0 and ${ADAPTER_WEIGHT_MAX}, not ${weight}.`);
    }
    return { reference: toReference(adapter), weight: weight || 1 };
  });
  if (new Set(adapters.map(({ reference }) => reference.digest)).size < adapters.length) {
    throw refuse('An adapter is named twice: give it one weight.');
  }
  return adapters;
}
