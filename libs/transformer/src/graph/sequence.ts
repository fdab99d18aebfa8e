import type { Value } from '@openledger/onnx-graph';
import type { ModelConfig } from '../model.js';
import { selfAttention } from './attention.js';
import type { Decoder } from './decoder.js';
import { causalBias, rotaryTables, sequencePositions } from './positions.js';

/** The parts of a decoder that reads whole sequences from their first token. */
export function sequenceParts(
  config: ModelConfig,
  ids: Value,
  maxLength: number,
): Pick<Decoder, 'config' | 'rotation' | 'attend'> {
  return {
    config,
    rotation: { ...rotaryTables(ids.graph, config, maxLength), positions: sequencePositions(ids) },
    attend: selfAttention(config, causalBias(ids)),
  };
}
