import type { GenerationPiece, GenerationRequest } from '../../application/generation.js';
import type { TokenLogprobs } from '../../domain/log-probabilities.js';
import type { VllmChunk } from './vllm-server.js';

/** A request in the words of vLLM's completions API; parameters beyond OpenAI's are vLLM's own. */
export function completionBody(model: string, { promptTokens, sampling, tenant }: GenerationRequest): object {
  return {
    model,
    prompt: promptTokens,
    stream: true,
    stream_options: { include_usage: true },
    return_token_ids: true,
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    repetition_penalty: sampling.repetitionPenalty,
    seed: sampling.seed,
    ignore_eos: sampling.ignoreEos,
    ...(sampling.logitBias.size > 0 ? { logit_bias: Object.fromEntries(sampling.logitBias) } : {}),
    ...(sampling.stop.length > 0 ? { stop: sampling.stop } : {}),
    ...(sampling.topLogprobs === undefined
      ? {}
      : { logprobs: sampling.topLogprobs, return_tokens_as_token_ids: true }),
    ...(sampling.jsonSchema === '' ? {} : { response_format: answerFormat(sampling.jsonSchema) }),
    // No tenant finds another's prompts in the prefix cache.
    ...(tenant === '' ? {} : { cache_salt: tenant }),
  };
}

const answerFormat = (jsonSchema: string): object => ({
  type: 'json_schema',
  json_schema: { name: 'answer', schema: JSON.parse(jsonSchema) as unknown, strict: true },
});

/** What a part of a completion adds; undefined where the server did not tell token ids. */
export function pieceOf(chunk: VllmChunk, adapterDigests: readonly string[]): GenerationPiece | undefined {
  const [choice] = chunk.choices;
  if (!choice?.token_ids) return undefined;
  return {
    tokens: choice.token_ids,
    text: choice.text,
    logprobs: logprobsOf(choice),
    finishReason: finishReason(choice.finish_reason ?? ''),
    adapterDigests,
    cachedTokens: 0,
  };
}

function finishReason(reason: string): GenerationPiece['finishReason'] {
  if (reason === '' || reason === 'stop' || reason === 'length') return reason;
  return 'cancelled';
}

function logprobsOf({ logprobs }: VllmChunk['choices'][number]): TokenLogprobs[] {
  if (!logprobs) return [];
  return logprobs.tokens.map((name, at) => ({
    token: tokenId(name),
    logprob: logprobs.token_logprobs[at] ?? Number.NEGATIVE_INFINITY,
    top: Object.entries(logprobs.top_logprobs?.[at] ?? {})
      .map(([other, logprob]) => ({ token: tokenId(other), logprob }))
      .sort((a, b) => b.logprob - a.logprob || a.token - b.token),
  }));
}

/** With `return_tokens_as_token_ids`, tokens are told as `token_id:42`. */
const tokenId = (name: string): number => Number(name.slice(name.indexOf(':') + 1));
