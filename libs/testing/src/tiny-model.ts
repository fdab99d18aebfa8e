import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AdapterFiles, adapterDigest, encodeAdapter } from '@openledger/adapters';
import {
  initialLora,
  initialWeights,
  type LoraConfig,
  type ModelConfig,
  normal,
  seededRandom,
  type Tensor,
  targetModules,
  writeSafetensors,
} from '@openledger/transformer';

const BYTES = 256;
const EOS = BYTES;

/** Two layers over bytes: loads in milliseconds, and every part of it matters to its outputs. */
export const tinyModel: ModelConfig = {
  modelType: 'llama',
  vocabSize: BYTES + 1,
  hiddenSize: 32,
  intermediateSize: 48,
  layerCount: 2,
  headCount: 4,
  kvHeadCount: 2,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 512,
  tieEmbeddings: true,
  attentionBias: false,
  qkNorm: false,
  eosTokenIds: [EOS],
};

const tinyLora: LoraConfig = { rank: 4, alpha: 8, targetModules };

/** Writes a Hugging Face folder of {@link tinyModel} with random weights, a byte tokenizer and a chat template. */
export async function writeTinyModel(folder: string, seed = 7): Promise<void> {
  await mkdir(folder, { recursive: true });
  const json = (name: string, content: object) => writeFile(join(folder, name), JSON.stringify(content));
  await json('config.json', {
    model_type: tinyModel.modelType,
    vocab_size: tinyModel.vocabSize,
    hidden_size: tinyModel.hiddenSize,
    intermediate_size: tinyModel.intermediateSize,
    num_hidden_layers: tinyModel.layerCount,
    num_attention_heads: tinyModel.headCount,
    num_key_value_heads: tinyModel.kvHeadCount,
    rms_norm_eps: tinyModel.rmsNormEps,
    rope_theta: tinyModel.ropeTheta,
    max_position_embeddings: tinyModel.maxPositions,
    tie_word_embeddings: true,
    eos_token_id: EOS,
    hidden_act: 'silu',
  });
  await json('tokenizer.json', tokenizer());
  await json('tokenizer_config.json', { eos_token: '<|end|>', chat_template: chatTemplate });
  await writeSafetensors(join(folder, 'model.safetensors'), noisyWeights(seed));
}

/** The PEFT files of an adapter of {@link tinyModel}, strong enough that no two seeds answer alike. */
export function tinyAdapter(seed: number): AdapterFiles & { readonly digest: string } {
  const random = seededRandom(seed + 1);
  const weights = initialLora(tinyModel, tinyLora, seed);
  for (const [name, { data }] of weights) {
    if (name.endsWith('lora_B.weight')) for (const index of data.keys()) data[index] = 0.4 * normal(random);
  }
  const files = encodeAdapter(tinyLora, weights, 'tiny');
  return { ...files, digest: adapterDigest(files) };
}

const chatTemplate =
  "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}" +
  '{% if add_generation_prompt %}assistant: {% endif %}';

function noisyWeights(seed: number): Map<string, Tensor> {
  const random = seededRandom(seed);
  const weights = new Map<string, Tensor>();
  for (const [name, { shape, data }] of initialWeights(tinyModel, seed)) {
    const centre = name.endsWith('norm.weight') ? 1 : 0;
    weights.set(name, { shape, data: data.map(() => centre + 0.2 * normal(random)) });
  }
  return weights;
}

/** Byte-level BPE without merges: one token a byte. */
function tokenizer(): object {
  const vocab: Record<string, number> = { '<|end|>': EOS };
  for (const [byte, character] of byteCharacters().entries()) vocab[character] = byte;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    added_tokens: [{ id: EOS, content: '<|end|>', special: true, normalized: false }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: [] },
  };
}

/** The printable stand-in of each byte (GPT-2's `bytes_to_unicode`). */
function byteCharacters(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let stand = BYTES;
  return Array.from({ length: BYTES }, (_, byte) => {
    const code = printable(byte) ? byte : stand;
    if (!printable(byte)) stand += 1;
    return String.fromCodePoint(code);
  });
}
