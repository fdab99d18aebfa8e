import {
  GetStatusResponse,
  type RunRequest,
  RunResponse,
  type Sampling as WireSampling,
  WorkerServiceService,
} from '@openledger/contracts';
import { DomainError, isSha256 } from '@openledger/kernel';
import { type GrpcContext, type GrpcService, serverStream, unary } from '@openledger/service-host';
import { checkPrompt, type GenerationRequest } from '../application/generation.js';
import type { TextEngine } from '../application/text-engine.js';
import type { Sampling } from '../domain/sampling.js';

const COMPLETION_TOKENS_DEFAULT = 64;

/** What gateways ask of a worker. */
export function workerService(context: GrpcContext, engine: TextEngine): GrpcService {
  return {
    definition: WorkerServiceService,
    implementation: {
      run: serverStream(context, (request: RunRequest, call) => run(engine, request, call.signal)),
      getStatus: unary(context, async () => status(engine)),
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
  for await (const piece of engine.generate(toGeneration(request), signal)) {
    const { adapterDigest, ...rest } = piece;
    yield RunResponse.fromPartial({
      ...rest,
      tokens: [...rest.tokens],
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

function toGeneration({ promptTokens, adapters, sampling }: RunRequest): GenerationRequest {
  const adapter = adapters[0]?.adapter;
  if (adapter && ![adapter.digest, adapter.configBlob, adapter.weightsBlob].every(isSha256)) {
    const message = 'An adapter is named by SHA-256 digests in hexadecimal.';
    throw new DomainError('invalid', 'ADAPTER_REFERENCE_INVALID', message);
  }
  return { promptTokens, ...(adapter ? { adapter } : {}), sampling: toSampling(sampling) };
}

/** Zero means what the contract says it means: a default or off. */
function toSampling(wire: WireSampling | undefined): Sampling {
  const { temperature = 0, topP = 0, topK = 0, seed = 0, stop = [] } = wire ?? {};
  if (!(temperature >= 0) || !(topP >= 0)) {
    throw new DomainError('invalid', 'SAMPLING_INVALID', 'temperature and top_p are not negative numbers.');
  }
  const maxTokens = wire?.maxTokens || COMPLETION_TOKENS_DEFAULT;
  return { maxTokens, temperature, topP: topP || 1, topK, seed, stop: stop.filter((text) => text !== '') };
}
