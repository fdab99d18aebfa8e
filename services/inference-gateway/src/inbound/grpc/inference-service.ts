import type { Authenticator } from '@openledger/auth';
import {
  type EmbedRequest,
  type EmbedResponse,
  type GenerateRequest,
  GenerateResponse,
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
import type { AnswerPrompts, Asked } from '../../application/answer-prompts.js';
import type { AnswerEnd } from '../../application/answer-question.js';
import { checkContext } from '../../application/context-chunks.js';
import { EMBED_INPUTS_MAX, type EmbedInputs } from '../../application/embed-inputs.js';
import type { ModelCatalogue } from '../../application/model-catalogue.js';
import type { Payer } from '../../application/payer.js';
import { callerOf, payerOf } from './caller.js';
import { toSampling, wireSampling } from './wire-sampling.js';

export interface InferenceServiceParts {
  readonly answers: AnswerPrompts;
  readonly embedInputs: EmbedInputs;
  readonly catalogue: ModelCatalogue;
  readonly authenticator: Authenticator;
  readonly log: Host['log'];
}

const PAGE_DEFAULT = 100;
const MESSAGES_MAX = 1_000;

const model = z.string().min(1).max(512);
const Messages = z.object({
  messages: z
    .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
    .min(1)
    .max(MESSAGES_MAX),
});
const Generate = z.object({
  model,
  input: z.discriminatedUnion('$case', [
    z.object({ $case: z.literal('prompt'), value: z.string() }),
    z.object({ $case: z.literal('chat'), value: Messages }),
  ]),
  sampling: wireSampling.optional(),
  context: z.array(z.object({ recordId: z.string(), text: z.string() })),
});
const Embed = z.object({ model, inputs: z.array(z.string()).min(1).max(EMBED_INPUTS_MAX) });

/** The gRPC face; the same use cases as REST. */
export function inferenceService(parts: InferenceServiceParts): GrpcService {
  const context = { log: parts.log };
  return {
    definition: InferenceServiceService,
    implementation: {
      generate: serverStream(context, (request: GenerateRequest, call) => generate(parts, request, call)),
      embed: unary(context, (request: EmbedRequest, call) => embed(parts, request, call)),
      listModels: unary(context, (request: ListModelsRequest, call) => listModels(parts, request, call)),
    },
  };
}

async function* generate(
  parts: InferenceServiceParts,
  request: GenerateRequest,
  call: GrpcCall,
): AsyncGenerator<GenerateResponse> {
  const payer = await payerOf(parts.authenticator, call);
  const answer = await parts.answers.begin(toAsked(payer, request), call.signal);
  const [requestId = ''] = answer.requestIds;
  const adapterDigest = answer.model.adapter?.digest ?? '';
  for await (const { text, logprobs, finishReason, end } of answer.pieces) {
    // Told with the usage, in the last message.
    if (finishReason !== undefined) continue;
    yield GenerateResponse.fromPartial({
      requestId,
      text,
      finishReason: end?.finishReason ?? '',
      ...(end ? { usage: usageOf(end) } : {}),
      adapterDigest,
      logprobs: logprobs.map(({ top, ...own }) => ({
        ...own,
        top: top.map(({ token, logprob }) => ({ token, logprob })),
      })),
    });
  }
}

const usageOf = ({ promptTokens, completionTokens, cachedTokens }: AnswerEnd) =>
  Usage.fromPartial({ promptTokens, completionTokens, cachedTokens });

async function embed(
  parts: InferenceServiceParts,
  request: EmbedRequest,
  call: GrpcCall,
): Promise<EmbedResponse> {
  const payer = await payerOf(parts.authenticator, call);
  const { model, inputs } = parse(Embed, request);
  const prompts = inputs.map((text) => ({ kind: 'text' as const, text }));
  const question = { payer, model, inputs: prompts };
  const embedded = await parts.embedInputs.embed(question, call.signal);
  return {
    requestId: embedded.requestId,
    embeddings: embedded.embeddings.map((values) => ({ values: [...values] })),
    usage: Usage.fromPartial({ promptTokens: embedded.promptTokens }),
  };
}

async function listModels(
  parts: InferenceServiceParts,
  { pageSize, pageToken }: ListModelsRequest,
  call: GrpcCall,
): Promise<ListModelsResponse> {
  await callerOf(parts.authenticator, call);
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

function toAsked(payer: Payer, request: GenerateRequest): Asked {
  const { model, input, sampling, context: given } = parse(Generate, request);
  const context = checkContext(given.map(({ recordId, text }) => ({ ...(recordId && { recordId }), text })));
  return {
    payer,
    model,
    prompts: [
      input.$case === 'chat'
        ? { kind: 'chat', messages: input.value.messages, context }
        : { kind: 'text', text: input.value, context },
    ],
    choices: 1,
    sampling: toSampling(sampling),
  };
}
