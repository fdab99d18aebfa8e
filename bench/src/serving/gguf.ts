import { open } from 'node:fs/promises';
import type { LoraConfig, LoraWeights, ModelConfig, Weights } from '@openledger/transformer';

/** Metadata value types and tensor types of GGUF version 3 (ggml-org/ggml, docs/gguf.md). */
const META = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const TENSOR = { f32: 0, q8: 8 } as const;
const VERSION = 3;
const ALIGNMENT = 32;
/** Weights that share one float16 scale in Q8_0. */
const BLOCK = 32;

type MetaValue =
  | { readonly type: 'uint32' | 'float32' | 'bool'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'integers'; readonly value: readonly number[] };

interface GgufTensor {
  readonly name: string;
  /** Row-major, as in {@link Weights}. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly type: keyof typeof TENSOR;
}

const uint = (value: number): MetaValue => ({ type: 'uint32', value });
const float = (value: number): MetaValue => ({ type: 'float32', value });
const text = (value: string): MetaValue => ({ type: 'string', value });

/** A Qwen2 model as llama.cpp reads it, matrices in Q8_0, with a vocabulary of made-up words. */
export async function writeModelGguf(path: string, config: ModelConfig, weights: Weights): Promise<void> {
  const words = vocabulary(config.vocabSize);
  const metadata = new Map<string, MetaValue>([
    ['general.architecture', text('qwen2')],
    ['general.name', text('random')],
    ['general.file_type', uint(7)],
    ['qwen2.block_count', uint(config.layerCount)],
    ['qwen2.context_length', uint(config.maxPositions)],
    ['qwen2.embedding_length', uint(config.hiddenSize)],
    ['qwen2.feed_forward_length', uint(config.intermediateSize)],
    ['qwen2.attention.head_count', uint(config.headCount)],
    ['qwen2.attention.head_count_kv', uint(config.kvHeadCount)],
    ['qwen2.attention.layer_norm_rms_epsilon', float(config.rmsNormEps)],
    ['qwen2.rope.freq_base', float(config.ropeTheta)],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('qwen2')],
    ['tokenizer.ggml.tokens', { type: 'strings', value: words }],
    ['tokenizer.ggml.token_type', { type: 'integers', value: words.map(() => 1) }],
    ['tokenizer.ggml.merges', { type: 'strings', value: ['a b'] }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: 0 }],
  ]);
  const tensors = [...weights].map(([name, { shape, data }]): GgufTensor => {
    const type = shape.length > 1 ? 'q8' : 'f32';
    return { name: ggufName(name), shape, data, type };
  });
  await writeGguf(path, metadata, tensors);
}

/** An adapter as llama.cpp reads it. */
export async function writeAdapterGguf(
  path: string,
  { config, weights }: { readonly config: LoraConfig; readonly weights: LoraWeights },
): Promise<void> {
  const metadata = new Map<string, MetaValue>([
    ['general.architecture', text('qwen2')],
    ['general.type', text('adapter')],
    ['adapter.type', text('lora')],
    ['adapter.lora.alpha', float(config.alpha)],
  ]);
  const tensors = [...weights].map(([name, { shape, data }]): GgufTensor => {
    const [, path, side] = /^(.*)\.lora_([AB])\.weight$/.exec(name) ?? [];
    return {
      name: `${ggufName(`${path}.weight`)}.lora_${side?.toLowerCase()}`,
      shape,
      data,
      type: 'f32',
    };
  });
  await writeGguf(path, metadata, tensors);
}

const PARTS: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

function ggufName(name: string): string {
  if (name === 'model.embed_tokens.weight') return 'token_embd.weight';
  if (name === 'model.norm.weight') return 'output_norm.weight';
  if (name === 'lm_head.weight') return 'output.weight';
  const [, layer, part = '', kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  return `blk.${layer}.${PARTS[part]}.${kind}`;
}

/** The byte-level alphabet of GPT-2's tokenizer, then words that no text contains. */
function vocabulary(size: number): string[] {
  const isPlain = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let moved = 0;
  const bytes = Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPlain(byte) ? byte : 256 + moved++),
  );
  return Array.from({ length: size }, (_, id) => bytes[id] ?? `<t${id}>`);
}

async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, MetaValue>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  await using file = await open(path, 'w');
  const head: Buffer[] = [Buffer.from('GGUF'), u32(VERSION), u64(tensors.length), u64(metadata.size)];
  for (const [key, value] of metadata) head.push(string(key), Buffer.concat(metaValue(value)));
  let offset = 0;
  for (const { name, shape, data, type } of tensors) {
    // Sizes run from the innermost axis outwards.
    head.push(
      string(name),
      u32(shape.length),
      ...shape.toReversed().map(u64),
      u32(TENSOR[type]),
      u64(offset),
    );
    offset = aligned(offset + (type === 'f32' ? data.byteLength : (data.length / BLOCK) * (BLOCK + 2)));
  }
  const opening = Buffer.concat(head);
  await file.appendFile(opening);
  await file.appendFile(Buffer.alloc(aligned(opening.length) - opening.length));
  for (const { data, type } of tensors) {
    const bytes =
      type === 'f32' ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : quantised(data);
    await file.appendFile(bytes);
    await file.appendFile(Buffer.alloc(aligned(bytes.length) - bytes.length));
  }
}

const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/** Q8_0: blocks of a float16 scale and 32 signed bytes. */
function quantised(data: Float32Array): Buffer {
  const blocks = data.length / BLOCK;
  const bytes = Buffer.alloc(blocks * (BLOCK + 2));
  const scales = new Float16Array(1);
  const scaleBytes = Buffer.from(scales.buffer);
  for (let block = 0; block < blocks; block += 1) {
    let peak = 0;
    for (let at = 0; at < BLOCK; at += 1) peak = Math.max(peak, Math.abs(data[block * BLOCK + at] ?? 0));
    scales[0] = peak / 127;
    const inverse = peak === 0 ? 0 : 127 / peak;
    const to = block * (BLOCK + 2);
    scaleBytes.copy(bytes, to);
    for (let at = 0; at < BLOCK; at += 1) {
      bytes[to + 2 + at] = Math.round((data[block * BLOCK + at] ?? 0) * inverse) & 0xff;
    }
  }
  return bytes;
}

function metaValue(meta: MetaValue): Buffer[] {
  switch (meta.type) {
    case 'uint32':
      return [u32(META.uint32), u32(meta.value)];
    case 'float32':
      return [u32(META.float32), f32(meta.value)];
    case 'bool':
      return [u32(META.bool), Buffer.from([meta.value])];
    case 'string':
      return [u32(META.string), string(meta.value)];
    case 'strings':
      return [u32(META.array), u32(META.string), u64(meta.value.length), ...meta.value.map(string)];
    case 'integers':
      return [u32(META.array), u32(META.int32), u64(meta.value.length), ...meta.value.map(u32)];
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

const string = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};
