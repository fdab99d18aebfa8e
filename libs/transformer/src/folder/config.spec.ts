import { DomainError } from '@openledger/kernel';
import { llamaConfigJson, parseModelConfig } from './config.js';

const llama = {
  model_type: 'llama',
  vocab_size: 2048,
  hidden_size: 192,
  intermediate_size: 512,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: [5, 0],
};
const parse = (changes: object) => parseModelConfig(JSON.stringify({ ...llama, ...changes }));

describe('model configuration', () => {
  it('reads a Llama configuration and writes it back', () => {
    const config = parse({});
    expect(config).toMatchObject({ headDim: 32, kvHeadCount: 2, attentionBias: false, qkNorm: false });
    expect(config.eosTokenIds).toEqual([5, 0]);
    expect(parseModelConfig(JSON.stringify(llamaConfigJson(config)))).toEqual(config);
  });

  it('knows what Qwen adds', () => {
    expect(parse({ model_type: 'qwen2', use_sliding_window: false, sliding_window: 128 }).attentionBias).toBe(
      true,
    );
    expect(parse({ model_type: 'qwen3', head_dim: 64 })).toMatchObject({ qkNorm: true, headDim: 64 });
  });

  it('reads the rotary base where newer files keep it', () => {
    expect(parse({ rope_parameters: { rope_type: 'default', rope_theta: 500_000 } }).ropeTheta).toBe(500_000);
  });

  it.each<[string, object, string]>([
    ['another family', { model_type: 'gpt2' }, 'gpt2'],
    ['an inherited property name', { model_type: 'constructor' }, 'constructor'],
    ['scaled positions', { rope_scaling: { rope_type: 'llama3', factor: 8 } }, 'llama3'],
    ['scaled positions in new files', { rope_parameters: { rope_type: 'yarn' } }, 'yarn'],
    ['another activation', { hidden_act: 'gelu' }, 'gelu'],
    ['biases everywhere', { attention_bias: true }, 'attention_bias'],
    ['quantised weights', { quantization_config: { bits: 4 } }, 'quantised'],
    ['a sliding window', { model_type: 'mistral', sliding_window: 128 }, 'sliding'],
    ['sliding layers', { layer_types: ['sliding_attention'] }, 'sliding'],
    ['partial rotation', { partial_rotary_factor: 0.5 }, 'partial'],
    ['heads that do not divide', { num_key_value_heads: 4 }, 'multiple'],
    ['a negative size', { hidden_size: -1 }, 'hidden_size'],
    ['an end token outside the vocabulary', { eos_token_id: 4096 }, 'eos_token_id'],
  ])('refuses %s by name', (_, changes, word) => {
    expect(() => parse(changes)).toThrow(DomainError);
    expect(() => parse(changes)).toThrow(word);
  });
});
