import { adapterDigest, encodeAdapter, type TrainingLog, trainingLogFormat } from '@openledger/adapters';
import { endOf, type ModelVersion, type Trajectory } from '@openledger/attribution/engine';
import type { BlobStore } from '@openledger/blob-store';
import type { AdapterReference } from '@openledger/inference-worker/engine';
import { newId, toJsonLines } from '@openledger/kernel';
import {
  encodeSafetensors,
  type Instruction,
  type LoraWeights,
  learningRateAt,
  type ModelText,
  type TrainingRecipe,
} from '@openledger/transformer';

export interface OwnedRecord extends Instruction {
  readonly contributorId: string;
  /** Of its completion. */
  readonly tokens: number;
}

/** A training, whether it took place or only could have. */
export interface VersionSource {
  readonly base: Pick<ModelText, 'digest'>;
  readonly recipe: TrainingRecipe;
  readonly trajectory: Trajectory;
  readonly records: readonly OwnedRecord[];
  readonly heldOut: readonly OwnedRecord[];
}

export interface StoredVersion {
  readonly version: ModelVersion;
  readonly adapter: AdapterReference;
}

/** Puts a version's adapter and history where attribution and workers find them, in the formats of training. */
export async function storeVersion(blobs: BlobStore, source: VersionSource): Promise<StoredVersion> {
  const { base, recipe, trajectory } = source;
  const files = encodeAdapter(recipe.lora, endOf(trajectory).tensors, 'bench');
  const digest = adapterDigest(files);
  const configBlob = await blobs.put(files.config);
  const weightsBlob = await blobs.put(files.weights);
  const log = await logOf(blobs, source);
  return {
    version: {
      modelId: newId(),
      adapterDigest: digest,
      baseDigest: base.digest,
      adapterConfigBlob: configBlob,
      adapterWeightsBlob: weightsBlob,
      lineageBlob: await blobs.put(toJsonLines(lineageOf(source.records, 'record'))),
      trainingLogBlob: await blobs.put(Buffer.from(JSON.stringify(log))),
      deployedAt: new Date(),
    },
    adapter: { digest, configBlob, weightsBlob },
  };
}

const lineageOf = (records: readonly OwnedRecord[], kind: string) =>
  records.map((record, i) => ({
    recordId: `${kind}-${i}`,
    contributionId: `contribution-of-${record.contributorId}`,
    quality: 1,
    ...record,
  }));

async function logOf(blobs: BlobStore, { recipe, trajectory, heldOut }: VersionSource): Promise<TrainingLog> {
  const { lora, schedule, optimizer } = recipe;
  const put = (tensors: LoraWeights) => blobs.put(encodeSafetensors(tensors));
  const { points } = trajectory;
  const checkpoints: TrainingLog['checkpoints'] = [];
  for (const [i, { tensors, secondMoments }] of points.entries()) {
    checkpoints.push({
      step: Math.round(((i + 1) * schedule.steps) / points.length),
      tensorsBlob: await put(tensors),
      secondMomentsBlob: await put(secondMoments),
    });
  }
  let learningRateSum = 0;
  for (let step = 1; step <= schedule.steps; step++) learningRateSum += learningRateAt(step, schedule);
  return {
    format: trainingLogFormat,
    recipe: {
      ...recipe,
      lora: { ...lora, targetModules: [...lora.targetModules] },
      order: 'shuffled-passes',
      schedule: { kind: 'warmup-cosine', ...schedule },
      optimizer: { kind: 'adamw', ...optimizer },
      dropout: 0,
      normalizer: 'scored-tokens-of-batch',
      threads: 1,
    },
    runtime: { onnxruntime: 'bench', architecture: process.arch },
    steps: schedule.steps,
    learningRateSum,
    epsilonRoot: optimizer.epsilonRoot,
    maxTokens: recipe.maxTokens,
    secondMomentsBlob: await put(endOf(trajectory).secondMoments),
    lossTraceBlob: await blobs.put(Buffer.alloc(4 * schedule.steps)),
    checkpoints,
    heldOut: {
      recordsBlob: await blobs.put(toJsonLines(lineageOf(heldOut, 'held-out'))),
      records: heldOut.length,
      baseLoss: 0,
      adapterLoss: 0,
    },
  };
}
