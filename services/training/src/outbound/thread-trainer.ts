import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '@openledger/blob-store';
import { DomainError, toJsonLines } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import {
  type AcceptedContribution,
  AdapterTrainer,
  type Run,
  type TrainedAdapter,
} from '../application/ports.js';
import { type AcceptedRecord, splitHeldOut } from '../domain/record.js';
import type { RunProgress } from '../domain/run.js';
import { readAcceptedRecords } from './accepted-records.js';
import type { TrainingAnswer, TrainingOrder, TrainingResult } from './training-messages.js';

export interface ThreadTrainerOptions {
  readonly modelDir: string;
  readonly workDir: string;
  readonly threads: number;
  readonly checkpointSteps: number;
}

interface Watch {
  readonly onProgress: (progress: RunProgress) => void;
  readonly signal: AbortSignal;
}

/** Trains in a worker thread of its own, which holds the base model only for as long as the run lasts. */
export class ThreadTrainer extends AdapterTrainer {
  constructor(
    private readonly blobs: BlobStore,
    private readonly options: ThreadTrainerOptions,
  ) {
    super();
  }

  async train(
    run: Run,
    contributions: readonly AcceptedContribution[],
    watch: Watch,
  ): Promise<TrainedAdapter> {
    const records = await readAcceptedRecords(this.blobs, contributions);
    const { train, heldOut } = splitHeldOut(records, run.plan.heldOutPercent, run.plan.seed);
    const workDir = this.workDirOf(run.id);
    await mkdir(workDir, { recursive: true });
    const { modelDir, threads, checkpointSteps } = this.options;
    const order: TrainingOrder = {
      plan: run.plan,
      train,
      heldOut,
      modelDir,
      workDir,
      threads,
      checkpointSteps,
    };
    const result = await inThread(order, watch);
    return this.keep(run, train, result);
  }

  async forget(runId: string): Promise<void> {
    await rm(this.workDirOf(runId), { recursive: true, force: true });
  }

  private async keep(
    run: Run,
    train: readonly AcceptedRecord[],
    result: TrainingResult,
  ): Promise<TrainedAdapter> {
    const lineage = train.flatMap(({ id, ...record }, index) => {
      const tokens = result.trainedTokens[index] ?? 0;
      return tokens === 0 ? [] : [{ recordId: id, ...record, tokens }];
    });
    const secondMomentsBlob = await this.blobs.put(result.secondMoments);
    const log = { ...result.log, secondMomentsBlob, plan: run.plan };
    return {
      adapterDigest: result.adapterDigest,
      baseDigest: result.baseDigest,
      baseName: result.baseName,
      evaluation: result.evaluation,
      configBlob: await this.blobs.put(result.adapterConfig),
      weightsBlob: await this.blobs.put(result.adapterWeights),
      lineageBlob: await this.blobs.put(toJsonLines(lineage)),
      trainingLogBlob: await this.blobs.put(Buffer.from(JSON.stringify(log))),
    };
  }

  private workDirOf(runId: string): string {
    return join(this.options.workDir, runId);
  }
}

function inThread(order: TrainingOrder, { onProgress, signal }: Watch): Promise<TrainingResult> {
  signal.throwIfAborted();
  const thread = new NativeThread(new URL('./training-worker.js', import.meta.url), order);
  const stop = () => thread.postMessage('stop');
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<TrainingResult>((resolve, reject) => {
    thread.on('message', (answer: TrainingAnswer) => {
      if (answer.kind === 'progress') onProgress(answer.progress);
      else if (answer.kind === 'trained') resolve(answer.result);
      else if (answer.kind === 'stopped') reject(signal.reason as Error);
      else reject(new DomainError(answer.errorKind, answer.code, answer.message));
    });
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the training thread ended with code ${code}`)));
  }).finally(async () => {
    signal.removeEventListener('abort', stop);
    await thread.end();
  });
}
