import { basename } from 'node:path';
import process from 'node:process';
import { adapterDigest, encodeAdapter } from '@openledger/adapters';
import { DomainError } from '@openledger/kernel';
import {
  completionExample,
  defaultAdamW,
  type Example,
  encodeSafetensors,
  instructionTokens,
  type LoadedModel,
  learningRateAt,
  loadModelFolder,
  type Schedule,
  shuffledBatches,
  Trainer,
  targetModules,
} from '@openledger/transformer';
import type { AcceptedRecord } from '../domain/record.js';
import type { StopRequest, TrainingAnswer, TrainingOrder, TrainingResult } from './training-messages.js';

const WARMUP_SHARE = 0.06;
const FINAL_SHARE = 0.1;

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
  const heldOut = toExamples(base, order.heldOut, plan.maxTokens).filter(isScored);
  const learnt = train.filter(isScored);
  if (learnt.length === 0 || heldOut.length === 0) {
    const message = `No record fits in ${plan.maxTokens} tokens: raise maxTokens, or shorten the records.`;
    throw new DomainError('precondition', 'RECORDS_TOO_LONG', message);
  }

  const lora = {
    rank: plan.lora.rank,
    alpha: plan.lora.alpha,
    targetModules: targetModules.filter((module) => plan.lora.targetModules.includes(module)),
  };
  const steps = Math.ceil((learnt.length * plan.epochs) / plan.batchRows);
  const schedule: Schedule = {
    learningRate: plan.learningRate,
    steps,
    warmupSteps: Math.ceil(steps * WARMUP_SHARE),
    finalShare: FINAL_SHARE,
  };
  const options = { seed: plan.seed, maxLength: plan.maxTokens, threads: order.threads };
  const trainer = await Trainer.forLora(base, lora, options);
  // A fresh adapter adds nothing (its B is zero), so its loss is the base model's.
  const { loss: baseLoss } = await trainer.evaluate(heldOut);
  await trainer.train({
    batches: shuffledBatches(learnt, plan.batchRows, plan.seed),
    schedule,
    checkpoint: { folder: order.workDir, everySteps: order.checkpointSteps },
    signal: abort.signal,
    onProgress: async ({ step, loss, tokensPerSecond }) => {
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
    secondMoments: secondMoments(trainer),
    baseDigest: base.digest,
    baseName,
    evaluation: { baseLoss, adapterLoss, heldOutRecords: heldOut.length },
    trainedTokens: train.map(scoredTokens),
    log: {
      steps,
      learningRateSum: sumOfRates(schedule),
      epsilonRoot: defaultAdamW.epsilonRoot,
      maxTokens: plan.maxTokens,
    },
  };
  await trainer.release();
  return result;
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

/** Adam's second moments with their bias taken out: v / (1 - beta2^t). */
function secondMoments(trainer: Trainer): Uint8Array {
  const correction = 1 - defaultAdamW.beta2 ** trainer.step;
  const tensors = [...trainer.moments].map(([name, { second }]) => {
    const shape = trainer.tensors.get(name)?.shape ?? [second.length];
    return [name, { shape, data: second.map((value) => value / correction) }] as const;
  });
  return encodeSafetensors(new Map(tensors));
}

function sumOfRates(schedule: Schedule): number {
  let sum = 0;
  for (let step = 1; step <= schedule.steps; step++) sum += learningRateAt(step, schedule);
  return sum;
}
