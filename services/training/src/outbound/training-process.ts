import { basename, join } from 'node:path';
import process from 'node:process';
import { adapterDigest, encodeAdapter } from '@openledger/adapters';
import { DomainError } from '@openledger/kernel';
import {
  completionExample,
  type Example,
  instructionTokens,
  type LoadedModel,
  loadModelFolder,
  runtimeVersion,
  shuffledBatches,
  Trainer,
  writeSafetensors,
} from '@openledger/transformer';
import type { AcceptedRecord } from '../domain/record.js';
import { checkpointSteps, recipeFor } from './recipe.js';
import type {
  SavedCheckpoint,
  StopRequest,
  TrainingAnswer,
  TrainingOrder,
  TrainingResult,
} from './training-messages.js';

const abort = new AbortController();
const answer = (message: TrainingAnswer) => process.send?.(message);

process.on('message', (message: TrainingOrder | StopRequest) => {
  if (message === 'stop') abort.abort();
  else void follow(message);
});
// The platform is gone, and with it everybody who would take the result.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function follow(order: TrainingOrder): Promise<void> {
  try {
    answer({ kind: 'trained', result: await train(order) });
  } catch (error) {
    if (abort.signal.aborted) answer({ kind: 'stopped' });
    else if (error instanceof DomainError) {
      answer({ kind: 'refused', errorKind: error.kind, code: error.code, message: error.message });
    } else throw error;
  }
}

async function train(order: TrainingOrder): Promise<TrainingResult> {
  const { plan } = order;
  const base = await loadModelFolder(order.modelDir);
  const train = toExamples(base, order.train, plan.maxTokens);
  const keptAside = toExamples(base, order.heldOut, plan.maxTokens);
  const heldOut = keptAside.filter(isScored);
  const learnt = train.filter(isScored);
  if (learnt.length === 0 || heldOut.length === 0) {
    const message = `No record fits in ${plan.maxTokens} tokens: raise maxTokens, or shorten the records.`;
    throw new DomainError('precondition', 'RECORDS_TOO_LONG', message);
  }

  const recipe = recipeFor(plan, learnt.length);
  const { lora, seed, schedule, optimizer, maxGradientNorm } = recipe;
  const options = { seed, maxLength: plan.maxTokens, threads: order.threads, optimizer };
  const trainer = await Trainer.forLora(base, lora, options);
  // A fresh adapter adds nothing (its B is zero), so its loss is the base model's.
  const { loss: baseLoss } = await trainer.evaluate(heldOut);
  const { steps } = schedule;
  const wayMarks = checkpointSteps(steps);
  await trainer.train({
    batches: shuffledBatches(learnt, plan.batchRows, seed),
    schedule,
    maxGradientNorm: maxGradientNorm ?? Number.POSITIVE_INFINITY,
    checkpoint: { folder: order.workDir, everySteps: order.checkpointSteps },
    signal: abort.signal,
    onProgress: async ({ step, loss, tokensPerSecond }) => {
      // Before the state from which an interrupted run goes on is saved, so that none is ever missed.
      if (wayMarks.includes(step)) await saveCheckpoint(trainer, savedCheckpoint(order.workDir, step));
      answer({ kind: 'progress', progress: { step, steps, loss, tokensPerSecond } });
      // Lets the stop message in: the arithmetic itself never yields to the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  const { loss: adapterLoss } = await trainer.evaluate(heldOut);
  const baseName = basename(base.folder);
  const adapter = encodeAdapter(lora, new Map(trainer.tensors), baseName);
  const result: TrainingResult = {
    adapterDigest: adapterDigest(adapter),
    adapterConfig: adapter.config,
    adapterWeights: adapter.weights,
    baseDigest: base.digest,
    baseName,
    evaluation: { baseLoss, adapterLoss, heldOutRecords: heldOut.length },
    trainedTokens: train.map(scoredTokens),
    heldOutTokens: keptAside.map(scoredTokens),
    recipe,
    runtime: { onnxruntime: runtimeVersion(), architecture: process.arch },
    checkpoints: wayMarks.map((step) => savedCheckpoint(order.workDir, step)),
    losses: trainer.losses,
  };
  await trainer.release();
  return result;
}

function savedCheckpoint(folder: string, step: number): SavedCheckpoint {
  return {
    step,
    tensorsFile: join(folder, `tensors-${step}.safetensors`),
    secondMomentsFile: join(folder, `second-moments-${step}.safetensors`),
  };
}

async function saveCheckpoint(
  trainer: Trainer,
  { tensorsFile, secondMomentsFile }: SavedCheckpoint,
): Promise<void> {
  await writeSafetensors(tensorsFile, trainer.tensors);
  await writeSafetensors(secondMomentsFile, trainer.secondMoments());
}

/** One example a record, in order; a record that is too long becomes an example without targets. */
function toExamples(base: LoadedModel, records: readonly AcceptedRecord[], maxTokens: number): Example[] {
  return records.map((record) => {
    const { tokens, completionStart } = instructionTokens(base, record);
    // A truncated answer would teach the model to stop in mid-sentence.
    return tokens.length - 1 > maxTokens
      ? { inputIds: [], labels: [] }
      : completionExample(tokens, completionStart);
  });
}

function scoredTokens({ labels }: Example): number {
  return Array.from(labels).filter((label) => label >= 0).length;
}

function isScored(example: Example): boolean {
  return scoredTokens(example) > 0;
}
