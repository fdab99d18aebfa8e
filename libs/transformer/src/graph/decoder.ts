import { invariant } from '@openledger/kernel';
import {
  add,
  gatherRows,
  mul,
  type RotaryTables,
  reshape,
  rmsNorm,
  rotary,
  silu,
  type Value,
} from '@openledger/onnx-graph';
import type { ModelConfig, TargetModule } from '../model.js';
import type { Attend } from './attention.js';
import type { Delta } from './lora-inputs.js';
import { headWeight, type Linear, modulePath, type Parameters } from './parameters.js';

/** Outputs of modules of a layer that read the same input. */
export type Project = (x: Value, layer: number, modules: readonly TargetModule[]) => readonly Value[];

/** The parts a decoder is put together from; they differ between training, scoring and serving. */
export interface Decoder {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  readonly linear: Linear;
  /** Looks tokens up; by default in the float32 weights. */
  readonly embed?: (ids: Value) => Value;
  readonly delta: Delta;
  /** Linear layers with the same input; by default each is a product of its own. */
  readonly project?: Project;
  readonly attend: Attend;
  readonly rotation: RotaryTables;
}

/** Final normalised hidden states [batch, time, hidden] of a Llama-family decoder (pre-norm, SwiGLU). */
export function hiddenStates(decoder: Decoder, ids: Value): Value {
  const { config, parameters, embed } = decoder;
  let x = embed ? embed(ids) : gatherRows(parameters('model.embed_tokens.weight'), ids);
  for (let layer = 0; layer < config.layerCount; layer += 1) x = decoderBlock(decoder, x, layer);
  return finalNorm(decoder, x);
}

/** One layer: attention and feed-forward, each added to what came in. */
export function decoderBlock(decoder: Decoder, x: Value, layer: number): Value {
  const { config, parameters } = decoder;
  const norm = (value: Value, name: string): Value =>
    rmsNorm(value, parameters(`model.layers.${layer}.${name}.weight`), config.rmsNormEps);
  const attended = add(x, attention(decoder, norm(x, 'input_layernorm'), layer));
  return add(attended, feedForward(decoder, norm(attended, 'post_attention_layernorm'), layer));
}

/** The norm between the last layer and the head. */
export function finalNorm({ config, parameters }: Pick<Decoder, 'config' | 'parameters'>, x: Value): Value {
  return rmsNorm(x, parameters('model.norm.weight'), config.rmsNormEps);
}

/** Logits over the vocabulary for hidden states of any leading shape. */
export function logitsOf({ config, linear }: Decoder, hidden: Value): Value {
  return linear(hidden, headWeight(config));
}

function attention(decoder: Decoder, x: Value, layer: number): Value {
  const { config, rotation } = decoder;
  const [q, k, v] = project(decoder, x, layer, ['q_proj', 'k_proj', 'v_proj']);
  const mixed = decoder.attend(
    layer,
    rotary(headNorm(decoder, q, layer, 'q'), rotation, config.headCount),
    rotary(headNorm(decoder, k, layer, 'k'), rotation, config.kvHeadCount),
    v,
  );
  const [out] = project(decoder, mixed, layer, ['o_proj']);
  return out;
}

function feedForward(decoder: Decoder, x: Value, layer: number): Value {
  const [gate, up] = project(decoder, x, layer, ['gate_proj', 'up_proj']);
  const [out] = project(decoder, mul(silu(gate), up), layer, ['down_proj']);
  return out;
}

/** As many values as there are modules. */
type Outputs<Modules extends readonly unknown[]> = { readonly [Index in keyof Modules]: Value };

/** Linear layers with the same input, with their biases and what adapters add. */
function project<const Modules extends readonly TargetModule[]>(
  decoder: Decoder,
  x: Value,
  layer: number,
  modules: Modules,
): Outputs<Modules> {
  const outputs = (decoder.project ?? separately(decoder))(x, layer, modules);
  invariant(outputs.length === modules.length, 'a projection is missing');
  return outputs as Outputs<Modules>;
}

function separately({ config, parameters, linear, delta }: Decoder): Project {
  return (x, layer, modules) =>
    modules.map((module) => {
      const path = modulePath(layer, module);
      let y = linear(x, `${path}.weight`);
      if (hasBias(config, module)) y = add(y, parameters(`${path}.bias`));
      const change = delta(x, layer, module);
      return change ? add(y, change) : y;
    });
}

/** Whether a layer has a bias: queries, keys and values of Qwen2 do. */
export function hasBias({ attentionBias }: ModelConfig, module: TargetModule): boolean {
  return attentionBias && (module === 'q_proj' || module === 'k_proj' || module === 'v_proj');
}

/** Qwen3 normalises each head of the queries and keys. */
function headNorm({ config, parameters }: Decoder, x: Value, layer: number, which: 'q' | 'k'): Value {
  if (!config.qkNorm) return x;
  const [batch = 1, time = 1, width] = x.shape;
  const heads = reshape(x, [batch, time, Number(width) / config.headDim, config.headDim]);
  const weight = parameters(`model.layers.${layer}.self_attn.${which}_norm.weight`);
  return reshape(rmsNorm(heads, weight, config.rmsNormEps), x.shape);
}
