import { type Authenticator, bearer, organisationOf, requireScope } from '@openledger/auth';
import {
  type GenerateRequest,
  type GenerateResponse,
  InferenceServiceService,
  type ListModelsRequest,
  type ListModelsResponse,
  Usage,
} from '@openledger/contracts';
import {
  type GrpcCall,
  type GrpcService,
  type Host,
  parse,
  serverStream,
  unary,
} from '@openledger/service-host';
import { z } from 'zod';
import type { AnswerQuestion, Question } from '../../application/answer-question.js';
import type { ModelCatalogue } from '../../application/model-catalogue.js';
import { STOP_CHARACTERS_MAX, STOP_STRINGS_MAX, TEMPERATURE_MAX } from '../../domain/sampling.js';

export interface InferenceServiceParts {
  readonly answers: AnswerQuestion;
  readonly catalogue: ModelCatalogue;
  readonly authenticator: Authenticator;
  readonly log: Host['log'];
}

const COMPLETION_TOKENS_DEFAULT = 64;
const PAGE_DEFAULT = 100;
const MESSAGES_MAX = 1_000;

const Messages = z.object({
  messages: z
    .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
    .min(1)
    .max(MESSAGES_MAX),
});
const Generate = z.object({
  model: z.string().min(1).max(512),
  input: z.discriminatedUnion('$case', [
    z.object({ $case: z.literal('prompt'), value: z.string() }),
    z.object({ $case: z.literal('chat'), value: Messages }),
  ]),
  sampling: z
    .object({
      maxTokens: z.int(),
      temperature: z.number().min(0).max(TEMPERATURE_MAX),
      topP: z.number().min(0).max(1),
      topK: z.int(),
      seed: z.int(),
      stop: z.array(z.string().min(1).max(STOP_CHARACTERS_MAX)).max(STOP_STRINGS_MAX),
    })
    .optional(),
});

/** The gRPC face; the same use cases as REST. */
export function inferenceService(parts: InferenceServiceParts): GrpcService {
  const context = { log: parts.log };
  return {
    definition: InferenceServiceService,
    implementation: {
      generate: serverStream(context, (request: GenerateRequest, call) => generate(parts, request, call)),
      listModels: unary(context, (request: ListModelsRequest, call) => listModels(parts, request, call)),
    },
  };
}

async function* generate(
  parts: InferenceServiceParts,
  request: GenerateRequest,
  call: GrpcCall,
): AsyncGenerator<GenerateResponse> {
  const principal = await callerOf(parts, call);
  requireScope(principal, 'inference:invoke');
  const question = toQuestion(organisationOf(principal), request);
  const answer = await parts.answers.begin(question, call.signal);
  const { requestId } = answer;
  const adapterDigest = answer.model.adapter?.digest ?? '';
  for await (const { text, end } of answer.pieces) {
    const usage =
      end && Usage.fromPartial({ promptTokens: end.promptTokens, completionTokens: end.completionTokens });
    yield { requestId, text, finishReason: end?.finishReason ?? '', usage, adapterDigest, logprobs: [] };
  }
}

async function listModels(
  parts: InferenceServiceParts,
  { pageSize, pageToken }: ListModelsRequest,
  call: GrpcCall,
): Promise<ListModelsResponse> {
  await callerOf(parts, call);
  const { models, hasMore } = await parts.catalogue.list(pageSize || PAGE_DEFAULT, pageToken || undefined);
  return {
    models: models.map(({ name, modelId, adapter, baseName, deployedAt }) => ({
      name,
      modelId,
      adapterDigest: adapter?.digest ?? '',
      baseName,
      deployedAt,
    })),
    nextPageToken: hasMore ? (models.at(-1)?.name ?? '') : '',
  };
}

function callerOf({ authenticator }: InferenceServiceParts, { metadata }: GrpcCall) {
  const [authorization] = metadata.get('authorization');
  return authenticator.authenticate(bearer(authorization?.toString()));
}

function toQuestion(organisationId: string, request: GenerateRequest): Question {
  const { model, input, sampling } = parse(Generate, request);
  return {
    organisationId,
    model,
    prompt:
      input.$case === 'chat'
        ? { kind: 'chat', messages: input.value.messages }
        : { kind: 'text', text: input.value },
    sampling: {
      maxTokens: sampling?.maxTokens || COMPLETION_TOKENS_DEFAULT,
      temperature: sampling?.temperature ?? 0,
      topP: sampling?.topP || 1,
      topK: sampling?.topK ?? 0,
      seed: sampling?.seed ?? 0,
      stop: sampling?.stop ?? [],
    },
  };
}
