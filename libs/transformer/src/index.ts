export { llamaConfigJson, parseModelConfig } from './folder/config.js';
export {
  type GenerationDefaults,
  type LoadedModel,
  loadModelFolder,
  loadModelText,
  type ModelText,
  modelFolderDigest,
  type OpenModel,
  openModelFolder,
} from './folder/model-folder.js';
export { ignoredLabel } from './graph/likelihood.js';
export { type Delta, loraShapes } from './graph/lora-inputs.js';
export { modulePath, moduleShape, weightShapes } from './graph/parameters.js';
export { linearWeights, type Precision, type PrecisionPlan, planFor, precisions } from './graph/precision.js';
export { type Packing, pageRank } from './graph/rank-pages.js';
export { type ScoringGraphOptions, scoringGraph } from './graph/scoring-graph.js';
export { type ServingGraphOptions, servingGraph } from './graph/serving-graph.js';
export {
  fullTrainingGraph,
  gradientName,
  loraTrainingGraph,
  type TrainingGraph,
} from './graph/training-graph.js';
export { calibrationTokens, calibrationWindows } from './kernels/calibration.js';
export { chooseKernels, type KernelChoice, type KernelOptions } from './kernels/choose.js';
export { comparePlan, type PlanQuality } from './kernels/compare.js';
export { decideKernels, type KernelTiming, type LayerClass, planOfClasses } from './kernels/decide.js';
export { type GuardedPlan, guardPlan, perplexityLimit } from './kernels/guard.js';
export { type ServingPlan, type ServingPlanOptions, servingPlan } from './kernels/serving-plan.js';
export {
  type LoraConfig,
  type LoraWeights,
  type ModelConfig,
  type TargetModule,
  type Tensor,
  targetModules,
  type Weights,
} from './model.js';
export type { RowAdapter } from './run/adapter-cells.js';
export { AdapterPool } from './run/adapter-pool.js';
export { completionExample, type Example } from './run/batch.js';
export {
  type FreshKeyValues,
  KvCache,
  type KvShape,
  kvNumbersPerToken,
  stripTokens,
} from './run/kv-cache.js';
export {
  type AdapterContent,
  type PackedAdapter,
  packAdapter,
  packedBuffers,
} from './run/packed-adapter.js';
export { type Provider, providers, requireProvider, runtimeVersion } from './run/provider.js';
export { Scorer, type ScorerOptions } from './run/scorer.js';
export {
  type ServingRow,
  ServingSession,
  type ServingStep,
  type StepOptions,
} from './run/serving-session.js';
export { Session, type SessionOptions } from './run/session.js';
export type { Dtype } from './safetensors/dtype.js';
export { defaultSafetensorsLimits, type SafetensorsLimits } from './safetensors/header.js';
export { parseSafetensors, readSafetensors, type SafetensorsContent } from './safetensors/read.js';
export { readWeights } from './safetensors/sharded.js';
export { encodeSafetensors, type SafetensorsWriteOptions, writeSafetensors } from './safetensors/write.js';
export { type ChatModel, chatPrompt, chatText } from './tokenizer/chat-prompt.js';
export { type ChatMessage, type ChatRenderOptions, ChatTemplate } from './tokenizer/chat-template.js';
export {
  type ChunkRange,
  type ContextPrompt,
  chatContextPrompt,
  contextChunkText,
  textContextPrompt,
} from './tokenizer/context-prompt.js';
export { IncrementalDecoder } from './tokenizer/incremental-decoder.js';
export {
  type Instruction,
  type InstructionModel,
  type InstructionTokens,
  instructionTokens,
} from './tokenizer/instruction.js';
export { type EncodeOptions, TextTokenizer } from './tokenizer/text-tokenizer.js';
export type { TokenBytes } from './tokenizer/token-bytes.js';
export { type AdamWOptions, defaultAdamW, type Moments } from './train/adamw.js';
export { type BatchSource, shuffledBatches, streamBatches } from './train/batches.js';
export { ExampleGradients, type ExampleRows } from './train/example-gradients.js';
export { flatten, unflatten } from './train/flat-tensors.js';
export { type GradientOptions, type GradientResult, GradientSession } from './train/gradients.js';
export { initialLora, initialWeights } from './train/initial-weights.js';
export type { BatchGradients, StepState } from './train/optimization.js';
export { normal, permutation, type Random, seededRandom } from './train/random.js';
export {
  RecipeRun,
  type RetrainedAdapter,
  type Retraining,
  type TrainingRecipe,
} from './train/recipe-run.js';
export { learningRateAt, type Schedule } from './train/schedule.js';
export {
  type Evaluation,
  type Progress,
  Trainer,
  type TrainerOptions,
  type TrainingRun,
} from './train/trainer.js';
