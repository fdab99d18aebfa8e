import { createReadStream } from 'node:fs';
import { type TrainingLog, trainingLogFormat } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { invariant, toJsonLines } from '@openledger/kernel';
import { learningRateAt, type Schedule } from '@openledger/transformer';
import type { TrainedAdapter } from '../application/ports.js';
import type { AcceptedRecord } from '../domain/record.js';
import type { RunPlan } from '../domain/run.js';
import type { SavedCheckpoint, TrainingResult } from './training-messages.js';

export interface TrainedRun {
  readonly plan: RunPlan;
  readonly train: readonly AcceptedRecord[];
  readonly heldOut: readonly AcceptedRecord[];
  readonly threads: number;
  readonly result: TrainingResult;
}

/** Keeps what a training left: the adapter, whom it learnt from, and how it can be repeated. */
export async function storeTraining(blobs: BlobStore, run: TrainedRun): Promise<TrainedAdapter> {
  const { train, result } = run;
  const log = await storeLog(blobs, run);
  return {
    adapterDigest: result.adapterDigest,
    baseDigest: result.baseDigest,
    baseName: result.baseName,
    evaluation: result.evaluation,
    configBlob: await blobs.put(result.adapterConfig),
    weightsBlob: await blobs.put(result.adapterWeights),
    lineageBlob: await blobs.put(toJsonLines(withTokens(train, result.trainedTokens))),
    trainingLogBlob: await blobs.put(Buffer.from(JSON.stringify({ ...log, plan: run.plan }))),
  };
}

async function storeLog(blobs: BlobStore, run: TrainedRun): Promise<TrainingLog> {
  const { recipe, runtime, checkpoints, losses, evaluation, heldOutTokens } = run.result;
  const { schedule, optimizer, maxTokens } = recipe;
  const stored: TrainingLog['checkpoints'] = [];
  for (const checkpoint of checkpoints) stored.push(await storeCheckpoint(blobs, checkpoint));
  const end = stored.at(-1);
  invariant(end, 'a training ends with a checkpoint');
  const { baseLoss, adapterLoss, heldOutRecords } = evaluation;
  return {
    format: trainingLogFormat,
    recipe: {
      ...recipe,
      lora: { ...recipe.lora, targetModules: [...recipe.lora.targetModules] },
      order: 'shuffled-passes',
      schedule: { kind: 'warmup-cosine', ...schedule },
      optimizer: { kind: 'adamw', ...optimizer },
      dropout: 0,
      normalizer: 'scored-tokens-of-batch',
      threads: run.threads,
    },
    runtime,
    steps: schedule.steps,
    learningRateSum: sumOfRates(schedule),
    epsilonRoot: optimizer.epsilonRoot,
    maxTokens,
    secondMomentsBlob: end.secondMomentsBlob,
    lossTraceBlob: await blobs.put(new Uint8Array(losses.buffer, losses.byteOffset, losses.byteLength)),
    checkpoints: stored,
    heldOut: {
      recordsBlob: await blobs.put(toJsonLines(withTokens(run.heldOut, heldOutTokens))),
      records: heldOutRecords,
      baseLoss,
      adapterLoss,
    },
  };
}

async function storeCheckpoint(
  blobs: BlobStore,
  { step, tensorsFile, secondMomentsFile }: SavedCheckpoint,
): Promise<TrainingLog['checkpoints'][number]> {
  const { digest: tensorsBlob } = await blobs.putStream(createReadStream(tensorsFile));
  const { digest: secondMomentsBlob } = await blobs.putStream(createReadStream(secondMomentsFile));
  return { step, tensorsBlob, secondMomentsBlob };
}

/** One line a record that was used. */
function withTokens(records: readonly AcceptedRecord[], tokens: readonly number[]) {
  return records.flatMap(({ id, ...record }, index) => {
    const used = tokens[index] ?? 0;
    return used === 0 ? [] : [{ recordId: id, ...record, tokens: used }];
  });
}

function sumOfRates(schedule: Schedule): number {
  let sum = 0;
  for (let step = 1; step <= schedule.steps; step++) sum += learningRateAt(step, schedule);
  return sum;
}
