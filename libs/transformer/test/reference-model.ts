import type { LoraConfig, ModelConfig } from '../src/index.js';

type Vector = Float64Array<ArrayBuffer>;
type Numbers = Float32Array | Float64Array;

/** Weights in either precision: measuring slopes needs steps that float32 cannot hold. */
export type ReferenceWeights = ReadonlyMap<string, { readonly data: Numbers }>;

/**
 * A Llama-family forward pass written as plain loops in double precision after the published modelling
 * code, sharing nothing with the graph builder: the oracle of its tests.
 */
export function referenceLogits(
  model: { readonly config: ModelConfig; readonly weights: ReferenceWeights },
  tokens: ArrayLike<number>,
  adapter?: { readonly lora: LoraConfig; readonly weights: ReferenceWeights },
): Vector[] {
  const { config, weights } = model;
  const tensor = (name: string): Numbers => {
    const found = weights.get(name);
    if (!found) throw new Error(`no weight ${name}`);
    return found.data;
  };
  const linear = (x: Vector, path: string): Vector => {
    const y = multiply(tensor(`${path}.weight`), x);
    const bias = weights.get(`${path}.bias`)?.data;
    const a = adapter?.weights.get(`${path}.lora_A.weight`);
    const b = adapter?.weights.get(`${path}.lora_B.weight`);
    const change = a && b ? multiply(b.data, multiply(a.data, x)) : undefined;
    const scale = adapter ? adapter.lora.alpha / adapter.lora.rank : 0;
    return y.map((value, i) => value + (bias?.[i] ?? 0) + scale * (change?.[i] ?? 0));
  };
  const norm = (x: Vector, name: string): Vector => rms(x, tensor(name), config.rmsNormEps);
  const embedding = tensor('model.embed_tokens.weight');
  let states = Array.from(tokens, (token) =>
    Float64Array.from(embedding.subarray(token * config.hiddenSize, (token + 1) * config.hiddenSize)),
  );
  for (let layer = 0; layer < config.layerCount; layer += 1) {
    const path = `model.layers.${layer}`;
    const heads = (x: Vector, which: 'q' | 'k' | 'v', position: number): Vector[] => {
      const parts = slices(linear(x, `${path}.self_attn.${which}_proj`), config.headDim);
      if (which === 'v') return parts;
      const normed = config.qkNorm
        ? parts.map((p) => norm(p, `${path}.self_attn.${which}_norm.weight`))
        : parts;
      return normed.map((part) => rotate(part, position, config.ropeTheta));
    };
    const inputs = states.map((x) => norm(x, `${path}.input_layernorm.weight`));
    const queries = inputs.map((x, t) => heads(x, 'q', t));
    const keys = inputs.map((x, t) => heads(x, 'k', t));
    const values = inputs.map((x, t) => heads(x, 'v', t));
    states = states.map((x, t) => {
      const mixed = (queries[t] ?? []).map((query, head) => {
        const shared = Math.floor((head * config.kvHeadCount) / config.headCount);
        return attend(query, columnOf(keys, t, shared), columnOf(values, t, shared));
      });
      const afterAttention = sum(x, linear(joined(mixed), `${path}.self_attn.o_proj`));
      const hidden = norm(afterAttention, `${path}.post_attention_layernorm.weight`);
      const up = linear(hidden, `${path}.mlp.up_proj`);
      const gated = linear(hidden, `${path}.mlp.gate_proj`).map(
        (g, i) => (g / (1 + Math.exp(-g))) * (up[i] ?? 0),
      );
      return sum(afterAttention, linear(gated, `${path}.mlp.down_proj`));
    });
  }
  const head = config.tieEmbeddings ? embedding : tensor('lm_head.weight');
  return states.map((x) => multiply(head, norm(x, 'model.norm.weight')));
}

/** Σ −log p(label) over labels that are not negative. */
export function referenceLoss(logits: readonly Vector[], labels: ArrayLike<number>): number {
  return logits.reduce((total, row, t) => {
    const label = labels[t] ?? -1;
    if (label < 0) return total;
    const top = Math.max(...row);
    const normalizer = row.reduce((sumExp, value) => sumExp + Math.exp(value - top), 0);
    return total - ((row[label] ?? Number.NaN) - top - Math.log(normalizer));
  }, 0);
}

function multiply(matrix: Numbers, x: Vector): Vector {
  const rows = matrix.length / x.length;
  return Float64Array.from({ length: rows }, (_, row) =>
    dot(matrix.subarray(row * x.length, (row + 1) * x.length), x),
  );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i += 1) total += (a[i] ?? 0) * (b[i] ?? 0);
  return total;
}

function sum(a: Vector, b: Vector): Vector {
  return a.map((value, i) => value + (b[i] ?? 0));
}

function rms(x: Vector, weight: Numbers, epsilon: number): Vector {
  const inverse = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((value, i) => value * inverse * (weight[i] ?? 0));
}

function slices(x: Vector, size: number): Vector[] {
  return Array.from({ length: x.length / size }, (_, i) => x.slice(i * size, (i + 1) * size));
}

function joined(parts: readonly Vector[]): Vector {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** x cos + rotate_half(x) sin. */
function rotate(x: Vector, position: number, theta: number): Vector {
  const half = x.length / 2;
  return x.map((value, i) => {
    const angle = position / theta ** ((2 * (i % half)) / x.length);
    const other = i < half ? -(x[i + half] ?? 0) : (x[i - half] ?? 0);
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

/** One head's keys or values of positions 0 … t. */
function columnOf(byPosition: readonly Vector[][], t: number, head: number): Vector[] {
  return byPosition.slice(0, t + 1).map((heads) => heads[head] ?? new Float64Array(0));
}

function attend(query: Vector, keys: readonly Vector[], values: readonly Vector[]): Vector {
  const scores = keys.map((key) => dot(query, key) / Math.sqrt(query.length));
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return query.map((_, i) => weights.reduce((mix, w, t) => mix + (w / total) * (values[t]?.[i] ?? 0), 0));
}
