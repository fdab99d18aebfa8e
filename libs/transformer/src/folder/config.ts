import type { ModelConfig } from '../model.js';
import { Fields, unsupported } from './fields.js';

/** Families whose blocks are those of Llama; the flags are what each adds. */
const families: Readonly<Record<string, { readonly attentionBias: boolean; readonly qkNorm: boolean }>> = {
  llama: { attentionBias: false, qkNorm: false },
  mistral: { attentionBias: false, qkNorm: false },
  qwen2: { attentionBias: true, qkNorm: false },
  qwen3: { attentionBias: false, qkNorm: true },
};

const limits = { vocabulary: 1_000_000, width: 65_536, layers: 512, heads: 1024, positions: 10_000_000 };

/** Reads `config.json`; options that the graphs would silently ignore are refused by name. */
export function parseModelConfig(text: string): ModelConfig {
  const fields = Fields.parse('config.json', text);
  const modelType = fields.text('model_type');
  const family = Object.hasOwn(families, modelType) ? families[modelType] : undefined;
  if (!family) {
    throw unsupported(
      `Models of the type "${modelType}" are not supported; use one of ${Object.keys(families).join(', ')}.`,
    );
  }
  const vocabSize = fields.count('vocab_size', limits.vocabulary);
  const hiddenSize = fields.count('hidden_size', limits.width);
  const headCount = fields.count('num_attention_heads', limits.heads);
  const maxPositions = fields.count('max_position_embeddings', limits.positions, 2048);
  refuseOptions(fields, maxPositions);
  const [bosTokenId] = fields.tokenIds('bos_token_id', vocabSize);
  const config: ModelConfig = {
    modelType,
    vocabSize,
    hiddenSize,
    intermediateSize: fields.count('intermediate_size', limits.width * 4),
    layerCount: fields.count('num_hidden_layers', limits.layers),
    headCount,
    kvHeadCount: fields.count('num_key_value_heads', limits.heads, headCount),
    headDim: fields.count('head_dim', limits.width, Math.max(1, Math.floor(hiddenSize / headCount))),
    rmsNormEps: fields.positive('rms_norm_eps', 1e-6),
    ropeTheta: ropeTheta(fields),
    maxPositions,
    tieEmbeddings: fields.flag('tie_word_embeddings', false),
    ...family,
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    eosTokenIds: fields.tokenIds('eos_token_id', vocabSize),
  };
  if (config.headCount % config.kvHeadCount !== 0) {
    throw unsupported('config.json: num_attention_heads must be a multiple of num_key_value_heads.');
  }
  if (config.headDim % 2 !== 0) throw unsupported('config.json: head_dim must be even for rotary positions.');
  return config;
}

/** Newer files keep the base frequency in `rope_parameters`, older ones beside the other fields. */
function ropeTheta(fields: Fields): number {
  return fields.object('rope_parameters').positive('rope_theta', fields.positive('rope_theta', 10_000));
}

function refuseOptions(fields: Fields, maxPositions: number): void {
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const rope = fields.object(name);
    const type = rope.text('rope_type', rope.text('type', 'default'));
    if (type !== 'default') throw unsupported(`config.json: ${name} of the type "${type}" is not supported.`);
    if (rope.positive('partial_rotary_factor', 1) !== 1) throw unsupported(partialRotary);
  }
  if (fields.positive('partial_rotary_factor', 1) !== 1) throw unsupported(partialRotary);
  const activation = fields.text('hidden_act', 'silu');
  if (activation !== 'silu')
    throw unsupported(`config.json: the activation "${activation}" is not supported.`);
  for (const name of ['attention_bias', 'mlp_bias']) {
    if (fields.flag(name, false)) throw unsupported(`config.json: "${name}" is not supported.`);
  }
  if (fields.has('quantization_config')) {
    throw unsupported(
      'config.json: quantised weights are not read; use the original F32, F16 or BF16 weights.',
    );
  }
  const layerTypes = fields.raw('layer_types') ?? [];
  const sliding = Array.isArray(layerTypes) && layerTypes.some((type) => type !== 'full_attention');
  const window =
    fields.has('sliding_window') && fields.flag('use_sliding_window', true)
      ? fields.count('sliding_window', limits.positions)
      : maxPositions;
  if (sliding || window < maxPositions)
    throw unsupported('config.json: sliding window attention is not supported.');
}

const partialRotary = 'config.json: a partial rotary factor is not supported.';

/** `config.json` of a Llama model, as `transformers` reads it. */
export function llamaConfigJson(config: ModelConfig): object {
  const [eos] = config.eosTokenIds;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layerCount,
    num_attention_heads: config.headCount,
    num_key_value_heads: config.kvHeadCount,
    head_dim: config.headDim,
    hidden_act: 'silu',
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    max_position_embeddings: config.maxPositions,
    tie_word_embeddings: config.tieEmbeddings,
    attention_bias: false,
    mlp_bias: false,
    ...(config.bosTokenId === undefined ? {} : { bos_token_id: config.bosTokenId }),
    eos_token_id: config.eosTokenIds.length === 1 ? eos : config.eosTokenIds,
    torch_dtype: 'bfloat16',
  };
}
