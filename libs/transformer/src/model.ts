/** A dense float32 tensor in row-major order. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Base weights by their Hugging Face names and layouts: `model.embed_tokens.weight`,
 * `model.layers.N.self_attn.q_proj.weight` ([out, in]), optional `.bias` (Qwen2),
 * `self_attn.{q,k}_norm.weight` (Qwen3), `mlp.{gate,up,down}_proj.weight`,
 * `input_layernorm.weight`, `post_attention_layernorm.weight`, `model.norm.weight`, and
 * `lm_head.weight`, which is absent when the head is tied to the embedding.
 */
export type Weights = ReadonlyMap<string, Tensor>;

/** What a Llama-family graph depends on; parsed from a Hugging Face `config.json`. */
export interface ModelConfig {
  readonly modelType: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  /** Key/value heads; fewer than `headCount` under grouped-query attention. */
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly maxPositions: number;
  readonly tieEmbeddings: boolean;
  /** Query, key and value projections carry a bias (Qwen2). */
  readonly attentionBias: boolean;
  /** Queries and keys are RMS-normalised per head before rotation (Qwen3). */
  readonly qkNorm: boolean;
  readonly bosTokenId?: number;
  readonly eosTokenIds: readonly number[];
}

/** The linear layers of a block that can carry a LoRA adapter, in graph order. */
export const targetModules = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const;

export type TargetModule = (typeof targetModules)[number];

/** Low-rank adaptation (Hu et al. 2021): W + (alpha / rank) · B A. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  readonly targetModules: readonly TargetModule[];
}

/**
 * Adapter weights by PEFT name without the prefix `base_model.model.`:
 * `model.layers.N.self_attn.q_proj.lora_A.weight` ([rank, in]) and `lora_B.weight` ([out, rank]).
 */
export type LoraWeights = Map<string, Tensor>;
