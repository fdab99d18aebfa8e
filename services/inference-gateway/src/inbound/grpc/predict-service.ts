import type { Authenticator } from '@openledger/auth';
import {
  GRPCInferenceServiceService,
  type InferParameter,
  type ModelInferRequest,
  type ModelInferResponse,
  type ModelMetadataRequest,
  type ModelMetadataResponse,
  type ModelReadyRequest,
  ModelStreamInferResponse,
} from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';
import {
  bidiStream,
  type GrpcCall,
  type GrpcService,
  type Host,
  parse,
  unary,
} from '@openledger/service-host';
import { z } from 'zod';
import type { Answer, AnswerPrompts } from '../../application/answer-prompts.js';
import type { AnswerEnd } from '../../application/answer-question.js';
import type { ModelCatalogue } from '../../application/model-catalogue.js';
import { type Sampling, samplingLimits } from '../../domain/sampling.js';
import { callerOf, payerOf } from './caller.js';
import { INPUT, OUTPUT, responseOf, textOf } from './text-tensors.js';
import { plainSampling, toSampling, wireSampling } from './wire-sampling.js';

export interface PredictServiceParts {
  readonly answers: AnswerPrompts;
  readonly catalogue: ModelCatalogue;
  readonly authenticator: Authenticator;
  readonly isReady: () => Promise<boolean>;
  readonly log: Host['log'];
}

/** How Triton's clients name themselves the last response to a request of a stream. */
const FINAL = 'triton_final_response';
const TRITON = 'triton_';

/** The Open Inference Protocol: text in, text out; the same use cases as REST. */
export function predictService(parts: PredictServiceParts): GrpcService {
  const context = { log: parts.log };
  return {
    definition: GRPCInferenceServiceService,
    implementation: {
      serverLive: unary(context, async () => ({ live: true })),
      serverReady: unary(context, async () => ({ ready: await parts.isReady() })),
      serverMetadata: unary(context, async () => ({ name: 'openledger', version: '2', extensions: [] })),
      modelReady: unary(context, (request: ModelReadyRequest, call) => modelReady(parts, request, call)),
      modelMetadata: unary(context, (request: ModelMetadataRequest, call) =>
        modelMetadata(parts, request, call),
      ),
      modelInfer: unary(context, (request: ModelInferRequest, call) => infer(parts, request, call)),
      modelStreamInfer: bidiStream(context, (requests: AsyncIterable<ModelInferRequest>, call) =>
        streamInfer(parts, requests, call),
      ),
    },
  };
}

async function modelReady(
  { authenticator, catalogue, isReady }: PredictServiceParts,
  { name, version }: ModelReadyRequest,
  call: GrpcCall,
): Promise<{ ready: boolean }> {
  await callerOf(authenticator, call);
  try {
    await catalogue.find(reference(name, version));
    return { ready: await isReady() };
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'unavailable') return { ready: false };
    throw error;
  }
}

async function modelMetadata(
  { authenticator, catalogue }: PredictServiceParts,
  { name, version }: ModelMetadataRequest,
  call: GrpcCall,
): Promise<ModelMetadataResponse> {
  await callerOf(authenticator, call);
  const model = await catalogue.find(reference(name, version));
  const tensor = { datatype: 'BYTES', shape: [1] };
  return {
    name: model.name,
    versions: model.adapter ? [model.adapter.digest] : [],
    platform: 'openledger_text',
    inputs: [{ name: INPUT, ...tensor }],
    outputs: [{ name: OUTPUT, ...tensor }],
  };
}

async function infer(
  parts: PredictServiceParts,
  request: ModelInferRequest,
  call: GrpcCall,
): Promise<ModelInferResponse> {
  const answer = await begin(parts, request, call);
  let text = '';
  let end: AnswerEnd | undefined;
  for await (const piece of answer.pieces) {
    text += piece.text;
    end = piece.end ?? end;
  }
  return responseOf(request, { text, version: versionOf(answer), parameters: told(answer, end) });
}

/** A refusal concerns its own request alone, so it is told within the stream. */
async function* streamInfer(
  parts: PredictServiceParts,
  requests: AsyncIterable<ModelInferRequest>,
  call: GrpcCall,
): AsyncGenerator<ModelStreamInferResponse> {
  await payerOf(parts.authenticator, call);
  for await (const request of requests) {
    try {
      const answer = await begin(parts, request, call);
      const version = versionOf(answer);
      for await (const { text, end } of answer.pieces) {
        if (text === '' && end === undefined) continue;
        const parameters = { ...told(answer, end), [FINAL]: end !== undefined };
        const inferResponse = responseOf(request, { text, version, parameters });
        yield ModelStreamInferResponse.fromPartial({ inferResponse });
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { modelName, id } = request;
      const errorMessage = `${error.code}: ${error.message}`;
      yield ModelStreamInferResponse.fromPartial({ errorMessage, inferResponse: { modelName, id } });
    }
  }
}

async function begin(
  { authenticator, answers }: PredictServiceParts,
  request: ModelInferRequest,
  call: GrpcCall,
): Promise<Answer> {
  const payer = await payerOf(authenticator, call);
  const asked = {
    payer,
    model: reference(request.modelName, request.modelVersion),
    prompts: [{ kind: 'text' as const, text: textOf(request) }],
    choices: 1,
    sampling: samplingOf(request.parameters),
  };
  return answers.begin(asked, call.signal);
}

const reference = (name: string, version: string): string => (version === '' ? name : `${name}@${version}`);

const versionOf = ({ model }: Answer): string => model.adapter?.digest ?? '';

const told = ({ requestIds }: Answer, end: AnswerEnd | undefined) => ({
  request_id: requestIds[0] ?? '',
  ...(end
    ? {
        finish_reason: end.finishReason,
        prompt_tokens: end.promptTokens,
        completion_tokens: end.completionTokens,
      }
    : {}),
});

const { maxTokens, temperature, topP, topK, minP, seed } = wireSampling.shape;
const { presencePenalty, frequencyPenalty, repetitionPenalty, jsonSchema, ignoreEos } = wireSampling.shape;
/** By their names on REST. */
const Parameters = z
  .strictObject({
    max_tokens: maxTokens.min(1),
    temperature,
    top_p: topP,
    top_k: topK.min(0),
    min_p: minP,
    seed: seed.min(0).max(2 ** 32 - 1),
    stop: z.string().min(1).max(samplingLimits.stopCharacters),
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    repetition_penalty: repetitionPenalty,
    json_schema: jsonSchema,
    ignore_eos: ignoreEos,
  })
  .partial();

/** @throws DomainError REQUEST_INVALID for what is unknown or out of bounds */
function samplingOf(parameters: Record<string, InferParameter>): Sampling {
  const given = Object.entries(parameters).filter(([name]) => !name.startsWith(TRITON));
  const values = given.map(([name, { parameterChoice }]) => [name, parameterChoice?.value] as const);
  const asked = parse(Parameters, Object.fromEntries(values));
  return toSampling({
    maxTokens: asked.max_tokens ?? plainSampling.maxTokens,
    temperature: asked.temperature ?? plainSampling.temperature,
    topP: asked.top_p ?? plainSampling.topP,
    topK: asked.top_k ?? plainSampling.topK,
    minP: asked.min_p ?? plainSampling.minP,
    seed: asked.seed ?? plainSampling.seed,
    stop: asked.stop === undefined ? [] : [asked.stop],
    presencePenalty: asked.presence_penalty ?? 0,
    frequencyPenalty: asked.frequency_penalty ?? 0,
    repetitionPenalty: asked.repetition_penalty ?? 0,
    logitBias: {},
    jsonSchema: asked.json_schema ?? '',
    ignoreEos: asked.ignore_eos ?? false,
  });
}
