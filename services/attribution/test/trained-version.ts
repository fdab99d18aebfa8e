import { adapterDigest, encodeAdapter, type TrainingLog, trainingLogFormat } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { ModelDeployed } from '@openledger/contracts';
import { newId, toJsonLines } from '@openledger/kernel';
import {
  completionExample,
  type Example,
  encodeSafetensors,
  instructionTokens,
  type LoadedModel,
  type LoraConfig,
  type LoraWeights,
  loadModelFolder,
  RecipeRun,
  Scorer,
  type TrainingRecipe,
  targetModules,
} from '@openledger/transformer';
import { runTrajectory } from '../src/outbound/engine/influence/run-trajectory.js';
import { endOf, type Trajectory } from '../src/outbound/engine/influence/trajectory-rows.js';

export interface TestRecord {
  readonly contributorId: string;
  readonly prompt: string;
  readonly completion: string;
}

export interface TrainingPlan {
  readonly modelDir: string;
  readonly epochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
}

const SEED = 3;
const TOKENS_MAX = 256;
/** On the way, and the end. */
const CHECKPOINTS = 6;
const lora: LoraConfig = { rank: 8, alpha: 16, targetModules };

/** An adapter that was really trained on known records, and can be asked. */
export class TrainedVersion {
  private constructor(
    readonly event: ModelDeployed,
    readonly finalLoss: number,
    private readonly parts: {
      readonly base: LoadedModel;
      readonly weights: LoraWeights;
      readonly scorer: Scorer;
    },
  ) {}

  static async train(
    blobs: BlobStore,
    records: readonly TestRecord[],
    plan: TrainingPlan,
  ): Promise<TrainedVersion> {
    const base = await loadModelFolder(plan.modelDir);
    const examples = records.map((record) => {
      const { tokens, completionStart } = instructionTokens(base, record);
      return completionExample(tokens, completionStart);
    });
    const recipe: TrainingRecipe = {
      lora,
      seed: SEED,
      batchRows: plan.batchRows,
      schedule: {
        learningRate: plan.learningRate,
        steps: Math.max(CHECKPOINTS, Math.ceil((examples.length * plan.epochs) / plan.batchRows)),
        warmupSteps: 2,
        finalShare: 0.1,
      },
      optimizer: { beta1: 0.9, beta2: 0.99, epsilonRoot: 1e-7, weightDecay: 0 },
      maxGradientNorm: 1,
      maxTokens: TOKENS_MAX,
    };
    const run = await RecipeRun.open(base, recipe, examples, { threads: 1 });
    const trajectory = await runTrajectory(run, recipe.optimizer);
    const rates = Array.from({ length: run.steps }, (_, i) => run.learningRate(i + 1));
    await run.release();
    const event = await deploy(blobs, { base, recipe, trajectory, rates, records, examples });
    const weights = endOf(trajectory).tensors;
    const scorer = await Scorer.open(base.config, base.weights, { maxLength: TOKENS_MAX, threads: 1, lora });
    const logs = await scorer.logProbabilities(examples, weights);
    const scored = logs.reduce((sum, { length }) => sum + length, 0);
    const loss = -logs.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0) / scored;
    return new TrainedVersion(event, loss, { base, weights, scorer });
  }

  /** The greedy answer, as the gateway stores it. */
  async ask(prompt: string, tokensMax = 48): Promise<{ promptTokens: number[]; completionTokens: number[] }> {
    const { base, weights, scorer } = this.parts;
    const { tokens, completionStart } = instructionTokens(base, { prompt, completion: '' });
    const promptTokens = Array.from(tokens).slice(0, completionStart);
    const completionTokens: number[] = [];
    while (completionTokens.length < tokensMax) {
      const all = [...promptTokens, ...completionTokens];
      const { data } = await scorer.logits([all], weights);
      const { vocabSize } = base.config;
      const row = data.subarray((all.length - 1) * vocabSize, all.length * vocabSize);
      const next = row.indexOf(Math.max(...row));
      if (base.generation.eosTokenIds.includes(next)) break;
      completionTokens.push(next);
    }
    return { promptTokens, completionTokens };
  }

  async release(): Promise<void> {
    await this.parts.scorer.release();
  }
}

interface Trained {
  readonly base: LoadedModel;
  readonly recipe: TrainingRecipe;
  readonly trajectory: Trajectory;
  readonly rates: readonly number[];
  readonly records: readonly TestRecord[];
  readonly examples: readonly Example[];
}

/** The files that training publishes, in its formats. */
async function deploy(blobs: BlobStore, trained: Trained) {
  const { base, trajectory, records, examples } = trained;
  const files = encodeAdapter(lora, endOf(trajectory).tensors, 'test');
  const lines = records.map((record, i) => ({
    recordId: `record-${i}`,
    contributionId: `contribution-of-${record.contributorId}`,
    datanetId: 'datanet',
    quality: 0.8,
    tokens: Array.from(examples[i]?.labels ?? []).filter((label) => label >= 0).length,
    ...record,
  }));
  // One of each contributor's, asked again: enough to have something to ask about.
  const heldOut = [...Map.groupBy(lines, ({ contributorId }) => contributorId).values()].flatMap((own) =>
    own.slice(0, 1),
  );
  const log = await logOf(blobs, trained, heldOut);
  return ModelDeployed.create({
    modelId: newId(),
    name: 'test-model',
    runId: newId(),
    developerOrganisationId: 'developer',
    baseDigest: base.digest,
    baseName: 'test',
    adapterDigest: adapterDigest(files),
    adapterConfigBlob: await blobs.put(files.config),
    adapterWeightsBlob: await blobs.put(files.weights),
    lineageBlob: await blobs.put(toJsonLines(lines)),
    trainingLogBlob: await blobs.put(Buffer.from(JSON.stringify(log))),
    datanetIds: ['datanet'],
    deployedAt: new Date(),
  });
}

async function logOf(
  blobs: BlobStore,
  { recipe, trajectory, rates }: Trained,
  heldOut: readonly object[],
): Promise<TrainingLog> {
  const steps = rates.length;
  const { lora: config, seed, batchRows, schedule, optimizer, maxGradientNorm, maxTokens } = recipe;
  const put = (tensors: LoraWeights) => blobs.put(encodeSafetensors(tensors));
  const { points } = trajectory;
  const checkpoints = await Promise.all(
    points.map(async ({ tensors, secondMoments }, i) => ({
      step: Math.round(((i + 1) * steps) / points.length),
      tensorsBlob: await put(tensors),
      secondMomentsBlob: await put(secondMoments),
    })),
  );
  return {
    format: trainingLogFormat,
    recipe: {
      lora: { ...config, targetModules: [...config.targetModules] },
      seed,
      order: 'shuffled-passes',
      batchRows,
      schedule: { kind: 'warmup-cosine', ...schedule },
      optimizer: { kind: 'adamw', ...optimizer },
      maxGradientNorm,
      maxTokens,
      dropout: 0,
      normalizer: 'scored-tokens-of-batch',
      threads: 1,
    },
    runtime: { onnxruntime: 'test', architecture: 'test' },
    steps,
    learningRateSum: rates.reduce((sum, rate) => sum + rate, 0),
    epsilonRoot: optimizer.epsilonRoot,
    maxTokens,
    secondMomentsBlob: await put(endOf(trajectory).secondMoments),
    lossTraceBlob: await blobs.put(Buffer.alloc(4 * steps)),
    checkpoints,
    heldOut: {
      recordsBlob: await blobs.put(toJsonLines(heldOut.map((record) => ({ ...record })))),
      records: heldOut.length,
      baseLoss: 0,
      adapterLoss: 0,
    },
  };
}
