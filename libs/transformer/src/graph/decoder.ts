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

/** The parts a decoder is put together from; they differ between training, scoring and serving. */
export interface Decoder {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  readonly linear: Linear;
  /** Looks tokens up; by default in the float32 weights. */
  readonly embed?: (ids: Value) => Value;
  readonly delta: Delta;
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
  const q = headNorm(decoder, project(decoder, x, layer, 'q_proj'), layer, 'q');
  const k = headNorm(decoder, project(decoder, x, layer, 'k_proj'), layer, 'k');
  const v = project(decoder, x, layer, 'v_proj');
  const mixed = decoder.attend(
    layer,
    rotary(q, rotation, config.headCount),
    rotary(k, rotation, config.kvHeadCount),
    v,
  );
  return project(decoder, mixed, layer, 'o_proj');
}

function feedForward(decoder: Decoder, x: Value, layer: number): Value {
  const gate = silu(project(decoder, x, layer, 'gate_proj'));
  return project(decoder, mul(gate, project(decoder, x, layer, 'up_proj')), layer, 'down_proj');
}

function project(decoder: Decoder, x: Value, layer: number, module: TargetModule): Value {
  const path = modulePath(layer, module);
  const { config, parameters, linear, delta } = decoder;
  let y = linear(x, `${path}.weight`);
  const biased = module === 'q_proj' || module === 'k_proj' || module === 'v_proj';
  if (config.attentionBias && biased) y = add(y, parameters(`${path}.bias`));
  const change = delta(x, layer, module);
  return change ? add(y, change) : y;
}

/** Qwen3 normalises each head of the queries and keys. */
function headNorm({ config, parameters }: Decoder, x: Value, layer: number, which: 'q' | 'k'): Value {
  if (!config.qkNorm) return x;
  const [batch = 1, time = 1, width] = x.shape;
  const heads = reshape(x, [batch, time, Number(width) / config.headDim, config.headDim]);
  const weight = parameters(`model.layers.${layer}.self_attn.${which}_norm.weight`);
  return reshape(rmsNorm(heads, weight, config.rmsNormEps), x.shape);
}
