import type { TokenLogprob as WireLogprob, Sampling as WireSampling } from '@openledger/contracts';
import { checkJsonSchema } from '../domain/json-grammar/grammars.js';
import type { TokenLogprob, TokenLogprobs } from '../domain/log-probabilities.js';
import { checkSampling, plainSampling, type Sampling } from '../domain/sampling.js';

/**
 * What the wire asks for, checked. Zero means what the contract says it means: a default or off.
 *
 * @throws DomainError SAMPLING_INVALID, JSON_SCHEMA_INVALID, JSON_SCHEMA_UNSUPPORTED, JSON_SCHEMA_TOO_LARGE
 */
export function toSampling(wire: WireSampling | undefined, vocabSize: number): Sampling {
  if (!wire) return plainSampling;
  const sampling: Sampling = {
    maxTokens: wire.maxTokens || plainSampling.maxTokens,
    temperature: wire.temperature,
    topP: wire.topP || 1,
    topK: wire.topK,
    minP: wire.minP,
    presencePenalty: wire.presencePenalty,
    frequencyPenalty: wire.frequencyPenalty,
    repetitionPenalty: wire.repetitionPenalty || 1,
    logitBias: new Map(Object.entries(wire.logitBias).map(([token, bias]) => [Number(token), bias])),
    seed: wire.seed,
    stop: wire.stop.filter((text) => text !== ''),
    topLogprobs: wire.topLogprobs,
    jsonSchema: wire.jsonSchema,
    ignoreEos: wire.ignoreEos,
  };
  checkSampling(sampling, vocabSize);
  if (sampling.jsonSchema !== '') checkJsonSchema(sampling.jsonSchema);
  return sampling;
}

/** Probabilities as the wire has them. */
export function toWireLogprobs(logprobs: readonly TokenLogprobs[]): WireLogprob[] {
  const alone = (own: TokenLogprob): WireLogprob => ({ ...own, top: [] });
  return logprobs.map((own) => ({ ...own, top: own.top.map(alone) }));
}
