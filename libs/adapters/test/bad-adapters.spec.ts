import { readFileSync } from 'node:fs';
import {
  encodeSafetensors,
  initialLora,
  type LoraConfig,
  parseModelConfig,
  type Tensor,
} from '@openledger/transformer';
import { type AdapterFiles, type AdapterRefusal, encodeAdapter, parseAdapter } from '../src/index.js';

type Refusal = AdapterRefusal | 'UNREADABLE_SAFETENSORS';
type Values = Record<string, unknown>;

const model = parseModelConfig(
  readFileSync(new URL('../../../transformer/test/fixtures/llama/config.json', import.meta.url), 'utf8'),
);
const prefix = 'base_model.model.model.layers';
const lora: LoraConfig = { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj'] };
const good = encodeAdapter(lora, initialLora(model, lora, 5), 'tiny');

/** The good adapter's tensors as stored. */
function stored(): Map<string, Tensor> {
  return new Map(
    [...initialLora(model, lora, 5)].map(([name, tensor]) => [`base_model.model.${name}`, tensor]),
  );
}

const withConfig = (changes: Values): AdapterFiles => ({
  ...good,
  config: Buffer.from(
    JSON.stringify({ ...(JSON.parse(Buffer.from(good.config).toString()) as Values), ...changes }),
  ),
});

function withTensors(change: (tensors: Map<string, Tensor>) => void): AdapterFiles {
  const tensors = stored();
  change(tensors);
  return { ...good, weights: encodeSafetensors(tensors) };
}

const q = `${prefix}.1.self_attn.q_proj`;
const withValue = (value: number): AdapterFiles =>
  withTensors((tensors) => {
    const { shape, data } = tensors.get(`${q}.lora_A.weight`) ?? { shape: [], data: new Float32Array() };
    tensors.set(`${q}.lora_A.weight`, { shape, data: data.map((old, at) => (at === 3 ? value : old)) });
    // B is zero at first, which would hide large values.
    const b = tensors.get(`${q}.lora_B.weight`);
    if (b) tensors.set(`${q}.lora_B.weight`, { ...b, data: b.data.map(() => 1) });
  });
const withExtra = (name: string): AdapterFiles =>
  withTensors((tensors) => tensors.set(name, { shape: [1], data: new Float32Array(1) }));

/** A safetensors file with this header and these bytes after it. */
function file(header: unknown, dataBytes = 0, length?: bigint): AdapterFiles {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(json.length));
  return { ...good, weights: Buffer.concat([size, json, Buffer.alloc(dataBytes)]) };
}
const tensor = (dtype: string, bytes: number) => ({ dtype, shape: [2], data_offsets: [0, bytes] });
const bytes = (...start: number[]): AdapterFiles => ({
  ...good,
  weights: Buffer.from([...start, ...Buffer.alloc(64)]),
});
const shaped = (part: 'lora_A' | 'lora_B', shape: readonly [number, number]): AdapterFiles =>
  withTensors((tensors) =>
    tensors.set(`${q}.${part}.weight`, { shape, data: new Float32Array(shape[0] * shape[1]) }),
  );
const H = model.hiddenSize;

/** Every way known to be wrong, what says so, and the word by which it is told. */
const cases: readonly (readonly [string, Refusal, string, AdapterFiles])[] = [
  [
    'the layers of a wider base',
    'ADAPTER_BASE_MISMATCH',
    'for this base model',
    shaped('lora_A', [4, 2 * H]),
  ],
  [
    'the outputs of a wider base',
    'ADAPTER_BASE_MISMATCH',
    'for this base model',
    shaped('lora_B', [2 * H, 4]),
  ],
  ['A transposed', 'ADAPTER_BASE_MISMATCH', 'for this base model', shaped('lora_A', [H, 4])],
  ['a rank the tensors do not have', 'ADAPTER_BASE_MISMATCH', 'must be [5', withConfig({ r: 5 })],
  [
    'a missing tensor',
    'ADAPTER_BASE_MISMATCH',
    'missing',
    withTensors((t) => t.delete(`${q}.lora_B.weight`)),
  ],
  [
    'modules without tensors',
    'ADAPTER_BASE_MISMATCH',
    'missing',
    withConfig({ target_modules: ['q_proj', 'v_proj', 'up_proj'] }),
  ],
  [
    'tensors of modules not named',
    'ADAPTER_TENSOR_UNKNOWN',
    'v_proj',
    withConfig({ target_modules: ['q_proj'] }),
  ],
  [
    'a layer beyond the base',
    'ADAPTER_TENSOR_UNKNOWN',
    'layers.99',
    withExtra(`${prefix}.99.self_attn.q_proj.lora_A.weight`),
  ],
  ['a tensor named as a path', 'ADAPTER_TENSOR_UNKNOWN', '../../etc/passwd', withExtra('../../etc/passwd')],
  ['magnitudes of DoRA', 'ADAPTER_TENSOR_UNKNOWN', 'magnitude', withExtra(`${q}.lora_magnitude_vector`)],
  ['biases', 'ADAPTER_TENSOR_UNKNOWN', 'bias', withExtra(`${q}.lora_B.bias`)],
  ['no tensors', 'ADAPTER_BASE_MISMATCH', 'missing', withTensors((t) => t.clear())],
  ['rank 0', 'ADAPTER_RANK_UNSUPPORTED', 'r must', withConfig({ r: 0 })],
  ['rank 129', 'ADAPTER_RANK_UNSUPPORTED', '1 to 128', withConfig({ r: 129 })],
  ['half a rank', 'ADAPTER_RANK_UNSUPPORTED', 'r must', withConfig({ r: 4.5 })],
  ['a rank in words', 'ADAPTER_RANK_UNSUPPORTED', 'r must', withConfig({ r: '4' })],
  [
    'a huge rank by pattern',
    'ADAPTER_RANK_UNSUPPORTED',
    'rank_pattern.q_proj',
    withConfig({ rank_pattern: { q_proj: 1e9 } }),
  ],
  [
    'a pattern that can stall',
    'ADAPTER_OPTION_UNSUPPORTED',
    'rank_pattern',
    withConfig({ rank_pattern: { '(a+)+$': 4 } }),
  ],
  [
    'patterns that are none',
    'ADAPTER_CONFIG_INVALID',
    'alpha_pattern',
    withConfig({ alpha_pattern: 'q_proj' }),
  ],
  ['a negative alpha', 'ADAPTER_CONFIG_INVALID', 'lora_alpha', withConfig({ lora_alpha: -1 })],
  ['an absent alpha', 'ADAPTER_CONFIG_INVALID', 'lora_alpha', withConfig({ lora_alpha: null })],
  ['no module', 'ADAPTER_CONFIG_INVALID', 'at least one', withConfig({ target_modules: [] })],
  ['an unknown module', 'ADAPTER_MODULE_UNSUPPORTED', 'wte', withConfig({ target_modules: ['wte'] })],
  [
    'a module named as a path',
    'ADAPTER_MODULE_UNSUPPORTED',
    'passwd',
    withConfig({ target_modules: ['../../passwd'] }),
  ],
  [
    'adapted embeddings',
    'ADAPTER_VOCABULARY_UNSUPPORTED',
    'embed_tokens',
    withConfig({ target_modules: ['embed_tokens'] }),
  ],
  [
    'an adapted head',
    'ADAPTER_VOCABULARY_UNSUPPORTED',
    'lm_head',
    withConfig({ target_modules: ['q_proj', 'lm_head'] }),
  ],
  [
    'embeddings of added words',
    'ADAPTER_VOCABULARY_UNSUPPORTED',
    'vocabulary',
    withExtra('base_model.model.model.embed_tokens.weight'),
  ],
  [
    'a head of added words',
    'ADAPTER_VOCABULARY_UNSUPPORTED',
    'vocabulary',
    withExtra('base_model.model.lm_head.weight'),
  ],
  ['DoRA', 'ADAPTER_OPTION_UNSUPPORTED', 'use_dora', withConfig({ use_dora: true })],
  [
    'whole modules',
    'ADAPTER_OPTION_UNSUPPORTED',
    'modules_to_save',
    withConfig({ modules_to_save: ['lm_head'] }),
  ],
  ['a bias of the adapter', 'ADAPTER_OPTION_UNSUPPORTED', 'lora_bias', withConfig({ lora_bias: true })],
  ['biases of the base', 'ADAPTER_OPTION_UNSUPPORTED', 'bias', withConfig({ bias: 'all' })],
  ['transposed layers', 'ADAPTER_OPTION_UNSUPPORTED', 'fan_in_fan_out', withConfig({ fan_in_fan_out: true })],
  [
    'chosen layers',
    'ADAPTER_OPTION_UNSUPPORTED',
    'layers_to_transform',
    withConfig({ layers_to_transform: [0] }),
  ],
  [
    'repeated layers',
    'ADAPTER_OPTION_UNSUPPORTED',
    'layer_replication',
    withConfig({ layer_replication: [[0, 2]] }),
  ],
  [
    'trained words',
    'ADAPTER_OPTION_UNSUPPORTED',
    'trainable_token',
    withConfig({ trainable_token_indices: [3] }),
  ],
  ['experts', 'ADAPTER_OPTION_UNSUPPORTED', 'target_parameters', withConfig({ target_parameters: ['x'] })],
  [
    'an activated adapter',
    'ADAPTER_OPTION_UNSUPPORTED',
    'alora',
    withConfig({ alora_invocation_tokens: [1] }),
  ],
  [
    'a changed base (PiSSA)',
    'ADAPTER_OPTION_UNSUPPORTED',
    'pissa',
    withConfig({ init_lora_weights: 'pissa_niter_16' }),
  ],
  [
    'a changed base (OLoRA)',
    'ADAPTER_OPTION_UNSUPPORTED',
    'olora',
    withConfig({ init_lora_weights: 'olora' }),
  ],
  ['another method', 'ADAPTER_OPTION_UNSUPPORTED', 'LORA', withConfig({ peft_type: 'IA3' })],
  ['another task', 'ADAPTER_OPTION_UNSUPPORTED', 'SEQ_CLS', withConfig({ task_type: 'SEQ_CLS' })],
  ['no JSON', 'ADAPTER_CONFIG_INVALID', 'not JSON', { ...good, config: Buffer.from('{') }],
  ['a list', 'ADAPTER_CONFIG_INVALID', 'JSON object', { ...good, config: Buffer.from('[]') }],
  [
    'a huge configuration',
    'ADAPTER_FILE_TOO_LARGE',
    'adapter_config.json',
    { ...good, config: Buffer.alloc(262_145, ' ') },
  ],
  ['not a number', 'ADAPTER_VALUES_INVALID', 'not finite', withValue(Number.NaN)],
  ['infinity', 'ADAPTER_VALUES_INVALID', 'not finite', withValue(Number.POSITIVE_INFINITY)],
  ['values that overflow', 'ADAPTER_VALUES_INVALID', 'too large', withValue(1e38)],
  ['a zip of torch.save', 'ADAPTER_FILE_PICKLED', 'pickle', bytes(0x50, 0x4b, 3, 4)],
  ['a pickle', 'ADAPTER_FILE_PICKLED', 'pickle', bytes(0x80, 2, 0x7d, 0x71)],
  ['an empty file', 'UNREADABLE_SAFETENSORS', 'eight bytes', { ...good, weights: Buffer.alloc(0) }],
  [
    'a file cut short',
    'UNREADABLE_SAFETENSORS',
    'follow the header',
    { ...good, weights: good.weights.subarray(0, -1) },
  ],
  [
    'a file with an appendix',
    'UNREADABLE_SAFETENSORS',
    'follow the header',
    { ...good, weights: Buffer.concat([good.weights, Buffer.alloc(1)]) },
  ],
  ['a header beyond the file', 'UNREADABLE_SAFETENSORS', 'beyond its end', file({}, 0, 1_000n)],
  ['an oversized header', 'UNREADABLE_SAFETENSORS', 'over the limit', file({}, 0, 2n ** 63n)],
  ['a header that is not JSON', 'UNREADABLE_SAFETENSORS', 'not JSON', file('nonsense')],
  [
    'too many tensors',
    'UNREADABLE_SAFETENSORS',
    'more than',
    file(Object.fromEntries(Array.from({ length: 2_002 }, (_, at) => [at, {}]))),
  ],
  ['whole numbers', 'UNREADABLE_SAFETENSORS', 'I64', file({ a: tensor('I64', 16) }, 16)],
  ['bytes of another type', 'UNREADABLE_SAFETENSORS', 'needs 8 bytes', file({ a: tensor('F32', 4) }, 4)],
  [
    'a shape that overflows',
    'UNREADABLE_SAFETENSORS',
    'needs',
    file({ a: { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 4] } }, 4),
  ],
  [
    'tensors that overlap',
    'UNREADABLE_SAFETENSORS',
    'do not follow',
    file({ a: tensor('F32', 8), b: tensor('F32', 8) }, 8),
  ],
];

describe('adapters that are refused', () => {
  it('are variations of one that is not', () => {
    expect(parseAdapter(good, model).lora).toEqual(lora);
  });

  it.each(cases)('%s: %s', (_, code, word, files) => {
    expect(() => parseAdapter(files, model)).toThrow(expect.objectContaining({ code }));
    expect(() => parseAdapter(files, model)).toThrow(word);
  });
});
